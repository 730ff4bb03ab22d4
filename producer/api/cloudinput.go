package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"time"

	"framemill/pipeline"
	"framemill/pipeline/store"
)

// cloudInput is the body of a new cloud storage, and of a change of one.
type cloudInput struct {
	Provider        optional[string]   `json:"provider_type"`
	Resource        optional[string]   `json:"resource"`
	Name            optional[string]   `json:"display_name"`
	CredentialsType optional[string]   `json:"credentials_type"`
	Key             optional[string]   `json:"key"`
	SecretKey       optional[string]   `json:"secret_key"`
	SessionToken    optional[string]   `json:"session_token"`
	AccountName     optional[string]   `json:"account_name"`
	Connection      optional[string]   `json:"connection_string"`
	KeyFile         optional[string]   `json:"key_file"`
	Attributes      optional[string]   `json:"specific_attributes"`
	Description     optional[string]   `json:"description"`
	Manifests       optional[[]string] `json:"manifests"`
}

// Limits of cloud storages.
const (
	maxFormParts = 200
	maxKeyFile   = 64 << 10
	maxManifests = 100
	cloudTime    = 10 * time.Second // for a bucket to answer while a caller waits
)

// readCloudInput reads a body as JSON, or as the form in which clients send key
// files.
func readCloudInput(r *http.Request) (*cloudInput, error) {
	var in cloudInput
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/form-data" {
		return &in, decode(r, &in)
	}
	fields, err := readForm(r)
	if err != nil {
		return nil, err
	}
	return &in, fields.into(&in)
}

// readForm reads a form of small fields as the object that it spells.
func readForm(r *http.Request) (object, error) {
	parts, err := r.MultipartReader()
	if err != nil {
		return nil, pipeline.FieldErrorf("non_field_errors", "the body is no valid form")
	}
	texts := map[string][]string{}
	for n := 0; ; n++ {
		part, err := parts.NextPart()
		switch {
		case errors.Is(err, io.EOF):
			return formObject(texts), nil
		case err != nil:
			return nil, pipeline.FieldErrorf("non_field_errors", "the body is no valid form").Because(err)
		case n == maxFormParts:
			return nil, pipeline.FieldErrorf("non_field_errors", "the form has more than %d fields", maxFormParts)
		}
		text, err := io.ReadAll(io.LimitReader(part, maxKeyFile+1))
		if err != nil {
			return nil, pipeline.FieldErrorf("non_field_errors", "the body is no valid form").Because(err)
		}
		if len(text) > maxKeyFile || bytes.IndexByte(text, 0) >= 0 {
			return nil, pipeline.FieldErrorf(clip(part.FormName()), "it is larger than %d bytes, or no text", maxKeyFile)
		}
		texts[part.FormName()] = append(texts[part.FormName()], string(text))
	}
}

func formObject(texts map[string][]string) object {
	o := object{}
	for name, values := range texts {
		var v any = values[0]
		if name == "manifests" {
			v = values
		}
		o[name], _ = json.Marshal(v) // texts do not fail
	}
	return o
}

// required refuses a new cloud storage that lacks a field.
func (in *cloudInput) required() error {
	for name, set := range map[string]bool{
		"provider_type": in.Provider.Set, "resource": in.Resource.Set,
		"display_name": in.Name.Set, "credentials_type": in.CredentialsType.Set,
	} {
		if !set {
			return pipeline.FieldErrorf(name, "This field is required.")
		}
	}
	return nil
}

// secret reports whether the body has credentials.
func (in *cloudInput) secret() bool {
	return in.Key.Set || in.SecretKey.Set || in.SessionToken.Set || in.AccountName.Set || in.Connection.Set || in.KeyFile.Set
}

// cloudDraft is a cloud storage before it is written.
type cloudDraft struct {
	row     pipeline.CloudStorage
	secrets pipeline.CloudCredentials
}

// apply lays the body over the draft, and checks what comes of it.
func (d *cloudDraft) apply(in *cloudInput) error {
	var errs []error
	text := func(to *string, field string, o optional[string], most int, blank bool) {
		c, err := textRule{field: field, max: most, blank: blank}.change(o)
		if errs = append(errs, err); c.Set {
			*to = c.To
		}
	}
	one := func(to *string, field string, o optional[string], of ...string) {
		c, err := choice(field, o, of...)
		if errs = append(errs, err); c.Set {
			*to = c.To
		}
	}
	one(&d.row.Provider, "provider_type", in.Provider, pipeline.ProviderS3, pipeline.ProviderAzure, pipeline.ProviderGCS)
	text(&d.row.Resource, "resource", in.Resource, 222, false)
	text(&d.row.Name, "display_name", in.Name, 63, false)
	one(&d.row.CredentialsType, "credentials_type", in.CredentialsType, pipeline.CredentialsKeyPair, pipeline.CredentialsToken,
		pipeline.CredentialsKeyFile, pipeline.CredentialsAnonymous, pipeline.CredentialsConnection)
	text(&d.secrets.Key, "key", in.Key, 128, true)
	text(&d.secrets.SecretKey, "secret_key", in.SecretKey, 128, true)
	text(&d.secrets.SessionToken, "session_token", in.SessionToken, 440, true)
	text(&d.secrets.AccountName, "account_name", in.AccountName, 24, true)
	text(&d.secrets.ConnectionString, "connection_string", in.Connection, 1024, true)
	text(&d.secrets.KeyFile, "key_file", in.KeyFile, maxKeyFile, true)
	text(&d.row.Attributes, "specific_attributes", in.Attributes, 1024, true)
	text(&d.row.Description, "description", in.Description, 10_000, true)
	manifests, err := manifestsChange(in.Manifests)
	if errs = append(errs, err); manifests.Set {
		d.row.Manifests = manifests.To
	}
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return d.fit()
}

// fit checks that the credentials are those of their type, and forgets others.
func (d *cloudDraft) fit() error {
	all, want := d.secrets, pipeline.CloudCredentials{}
	missing, provider := "", pipeline.ProviderAzure
	need := func(to *string, value, field string) {
		if *to = value; value == "" && missing == "" {
			missing = field
		}
	}
	switch d.row.CredentialsType {
	case pipeline.CredentialsKeyPair:
		provider = pipeline.ProviderS3
		need(&want.Key, all.Key, "key")
		need(&want.SecretKey, all.SecretKey, "secret_key")
	case pipeline.CredentialsKeyFile:
		provider = pipeline.ProviderGCS
		need(&want.KeyFile, all.KeyFile, "key_file")
	case pipeline.CredentialsToken:
		need(&want.AccountName, all.AccountName, "account_name")
		need(&want.SessionToken, all.SessionToken, "session_token")
	case pipeline.CredentialsConnection:
		need(&want.ConnectionString, all.ConnectionString, "connection_string")
	default:
		if provider = d.row.Provider; provider == pipeline.ProviderAzure {
			need(&want.AccountName, all.AccountName, "account_name")
		}
	}
	if provider != d.row.Provider {
		return pipeline.FieldErrorf("credentials_type", "%s is not a type of credentials for %s", d.row.CredentialsType, d.row.Provider)
	}
	if missing != "" {
		return pipeline.FieldErrorf(missing, "This field is required for credentials of the type %s.", d.row.CredentialsType)
	}
	d.secrets = want
	return nil
}

func manifestsChange(o optional[[]string]) (store.Change[pipeline.Manifests], error) {
	var none store.Change[pipeline.Manifests]
	if !o.Set {
		return none, nil
	}
	if o.Value == nil || len(*o.Value) > maxManifests {
		return none, pipeline.FieldErrorf("manifests", "Give a list of at most %d keys.", maxManifests)
	}
	for _, key := range *o.Value {
		if key == "" || len(key) > 1024 {
			return none, pipeline.FieldErrorf("manifests", "A key has 1 to 1024 characters.")
		}
	}
	return store.To(pipeline.NewManifests(*o.Value)), nil
}

// moves reports whether what was secret would be shown to somebody else than
// before: who may change a storage need not know its credentials.
func (d *cloudDraft) moves(was *pipeline.CloudStorage, had *pipeline.CloudCredentials) bool {
	endpoint := func(attributes string) string {
		q, _ := url.ParseQuery(attributes) // what cannot be read is refused later on
		return q.Get("endpoint_url")
	}
	return d.secrets != (pipeline.CloudCredentials{}) &&
		(d.row.Provider != was.Provider || endpoint(d.row.Attributes) != endpoint(was.Attributes) ||
			d.secrets.AccountName != had.AccountName)
}

// reaches reports whether the draft reaches for something else than before.
func (d *cloudDraft) reaches(was *pipeline.CloudStorage, had *pipeline.CloudCredentials) bool {
	return d.row.Provider != was.Provider || d.row.Resource != was.Resource || d.row.Attributes != was.Attributes ||
		d.row.CredentialsType != was.CredentialsType || d.row.Manifests != was.Manifests || d.secrets != *had
}

// checkCloud refuses a draft that cannot be read from.
func (s *Server) checkCloud(ctx context.Context, d *cloudDraft, verb string) error {
	bucket, err := s.Clouds.Open(&d.row, &d.secrets)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, cloudTime)
	defer cancel()
	if err := bucket.Check(ctx); err != nil {
		switch pipeline.CodeOf(err) {
		case pipeline.CodeSourceGone:
			return pipeline.FieldErrorf("resource", "The resource %s not found. It may have been deleted.", d.row.Resource)
		case pipeline.CodeForbidden:
			return pipeline.FieldErrorf("credentials", "Cannot %s resource %s with specified credentials. Access forbidden.", verb, d.row.Resource)
		case pipeline.CodeInvalid:
			return pipeline.FieldErrorf("specific_attributes", "%s", pipeline.Public(err).Text)
		}
		return pipeline.FieldErrorf("resource", "%s", foreign(err).Text)
	}
	for _, key := range d.row.Manifests.List() {
		if _, err := bucket.Stat(ctx, key); err != nil {
			return pipeline.FieldErrorf("manifests", "The '%s' file does not exist on '%s' cloud storage, or cannot be read", clip(key), d.row.Resource)
		}
	}
	return nil
}

// foreign is what callers hear of a failure of a bucket that is not ours: it is
// no failure of this server.
func foreign(err error) *pipeline.Error {
	e, ok := errors.AsType[*pipeline.Error](err)
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return pipeline.Errorf(pipeline.Invalid, "the cloud storage does not answer in time")
	case !ok:
		return pipeline.Public(err)
	case e.Code == pipeline.CodeSourceGone:
		return pipeline.Errorf(pipeline.NotFound, "%s", e.Text)
	case e.Code == pipeline.CodeUnavailable:
		return pipeline.Errorf(pipeline.Invalid, "%s", e.Text).Because(e)
	}
	return e
}
