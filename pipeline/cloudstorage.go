package pipeline

import "encoding/json"

// CloudStorage is a bucket that somebody lets us read media from, with what it
// takes to get in.
type CloudStorage struct {
	ID              int64     `db:"id"`
	Tenant          Tenant    `db:"tenant"`
	OrgID           *int64    `db:"org_id"`
	OwnerID         *int64    `db:"owner_id"`
	Provider        string    `db:"provider"`
	Resource        string    `db:"resource"` // name of the bucket or container
	Name            string    `db:"name"`
	CredentialsType string    `db:"credentials_type"`
	Sealed          string    `db:"credentials" json:"-"` // CloudCredentials as JSON, sealed; "" for none
	Attributes      string    `db:"attributes"`           // such as region=eu-central-1&prefix=train/
	Description     string    `db:"description"`
	Manifests       Manifests `db:"manifests"`
	Created         Micros    `db:"created"`
	Updated         Micros    `db:"updated"` // moves with every change
}

// Providers of cloud storages.
const (
	ProviderS3    = "AWS_S3_BUCKET"
	ProviderAzure = "AZURE_CONTAINER"
	ProviderGCS   = "GOOGLE_CLOUD_STORAGE"
)

// Types of credentials.
const (
	CredentialsKeyPair    = "KEY_SECRET_KEY_PAIR"     // S3
	CredentialsToken      = "ACCOUNT_NAME_TOKEN_PAIR" // Azure, with a shared access signature
	CredentialsConnection = "CONNECTION_STRING"       // Azure
	CredentialsKeyFile    = "KEY_FILE_PATH"           // GCS, of a service account
	CredentialsAnonymous  = "ANONYMOUS_ACCESS"
)

// CloudCredentials are the secrets of a cloud storage. Which of them there are
// depends on their type.
type CloudCredentials struct {
	Key              string `json:"key,omitempty"`
	SecretKey        string `json:"secret_key,omitempty"`
	SessionToken     string `json:"session_token,omitempty"`
	AccountName      string `json:"account_name,omitempty"`
	ConnectionString string `json:"connection_string,omitempty"`
	KeyFile          string `json:"key_file,omitempty"` // its content
}

// String hides the secrets from whoever prints them by accident.
func (CloudCredentials) String() string { return "***" }

// GoString hides the secrets, too.
func (CloudCredentials) GoString() string { return "***" }

// SealCloudStorage is the purpose that the credentials of cloud storages are
// sealed for.
const SealCloudStorage = "cloud_storage"

// Manifests is a list of keys of manifests as the database keeps it: a JSON
// list, or "" for none.
type Manifests string

// NewManifests returns the list of the given keys.
func NewManifests(keys []string) Manifests {
	if len(keys) == 0 {
		return ""
	}
	text, _ := json.Marshal(keys) // texts do not fail
	return Manifests(text)
}

// List returns the keys of the list, never nil.
func (m Manifests) List() []string {
	out := []string{}
	if m != "" {
		_ = json.Unmarshal([]byte(m), &out) // written by NewManifests
	}
	return out
}
