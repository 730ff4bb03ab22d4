package gcs

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/jwt"

	"framemill/pipeline"
)

// tokenURL is where service accounts get their tokens. A key file names an
// address of its own; it is not asked, as it may be anybody's.
const tokenURL = "https://oauth2.googleapis.com/token"

// readOnly is all that is asked for.
const readOnly = "https://www.googleapis.com/auth/devstorage.read_only"

// keyFile is what is read of a key file. Other types than that of a service
// account name files, commands and addresses to get credentials from: whoever
// sends us such a file would have us run and reach them.
type keyFile struct {
	Type         string `json:"type"`
	ClientEmail  string `json:"client_email"`
	PrivateKeyID string `json:"private_key_id"`
	PrivateKey   string `json:"private_key"`
}

// signed returns a client that shows tokens of a service account.
func signed(client *http.Client, content string) (*http.Client, error) {
	var key keyFile
	if err := json.Unmarshal([]byte(content), &key); err != nil {
		return nil, errKeyFile("it is not JSON")
	}
	switch {
	case key.Type != "service_account":
		return nil, errKeyFile("only keys of service accounts are taken")
	case key.ClientEmail == "" || key.PrivateKey == "":
		return nil, errKeyFile("it has no client_email or no private_key")
	}
	account := jwt.Config{
		Email: key.ClientEmail, PrivateKey: []byte(key.PrivateKey), PrivateKeyID: key.PrivateKeyID,
		Scopes: []string{readOnly}, TokenURL: tokenURL,
	}
	ctx := context.WithValue(context.Background(), oauth2.HTTPClient, client)
	out := *client
	out.Transport = &oauth2.Transport{Base: client.Transport, Source: tokens{account.TokenSource(ctx)}}
	return &out, nil
}

func errKeyFile(text string) error {
	return pipeline.FieldErrorf("key_file", "The key file cannot be used: %s", text)
}

// tokens names what keeps an account from getting a token.
type tokens struct{ oauth2.TokenSource }

// errNoToken is matched by the error of a request that got no token.
var errNoToken = errors.New("the key file gives no token")

// Token implements oauth2.TokenSource.
func (t tokens) Token() (*oauth2.Token, error) {
	token, err := t.TokenSource.Token()
	if _, answered := errors.AsType[*oauth2.RetrieveError](err); answered {
		return nil, errNoToken // the answer is nobody's business
	}
	return token, err
}

// refusedToken returns what outsiders may know of an account that got no token.
func refusedToken(err error) error {
	if errors.Is(err, errNoToken) {
		return pipeline.Failf(pipeline.CodeForbidden, "", "the service account of the key file is not let in")
	}
	return nil
}
