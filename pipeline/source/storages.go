package source

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"sync"

	"framemill/pipeline"
	"framemill/pipeline/blob/azure"
	"framemill/pipeline/blob/gcs"
	"framemill/pipeline/blob/s3"
	"framemill/pipeline/cloud"
	"framemill/pipeline/outgoing"
	"framemill/pipeline/seal"
)

// storageRows is what Storages needs of the store.
type storageRows interface {
	CloudStorage(ctx context.Context, id int64) (*pipeline.CloudStorage, error)
}

// Storages opens the buckets of cloud storages. Its methods may be called
// concurrently.
type Storages struct {
	rows storageRows
	box  *seal.Box
	web  *outgoing.Client
	http *http.Client

	mu   sync.Mutex
	open map[int64]openStorage
}

// openStorage is a bucket as it was opened at some time.
type openStorage struct {
	updated pipeline.Micros
	bucket  cloud.Bucket
}

// maxOpenStorages bounds the buckets that are kept open.
const maxOpenStorages = 256

// NewStorages returns what opens the storages of rows, whose credentials are in
// box. Everything is reached through web.
func NewStorages(rows storageRows, box *seal.Box, web *outgoing.Client) *Storages {
	return &Storages{rows: rows, box: box, web: web, http: web.HTTP(), open: map[int64]openStorage{}}
}

// errDetached is what readers of a storage hear that was deleted.
func errDetached() error {
	return pipeline.Failf(pipeline.CodeStorageDetached, "", "Task is no longer connected to cloud storage")
}

// Bucket returns the bucket of a storage, as it is at the moment. A storage
// that was deleted is an error of kind Conflict.
func (s *Storages) Bucket(ctx context.Context, id int64) (cloud.Bucket, error) {
	row, err := s.rows.CloudStorage(ctx, id)
	if pipeline.KindOf(err) == pipeline.NotFound {
		s.forget(id)
		return nil, errDetached()
	}
	if err != nil {
		return nil, fmt.Errorf("open cloud storage %d: %w", id, err)
	}
	s.mu.Lock()
	have, ok := s.open[id]
	s.mu.Unlock()
	if ok && have.updated == row.Updated {
		return have.bucket, nil
	}
	bucket, err := s.openRow(row)
	if err != nil {
		return nil, fmt.Errorf("open cloud storage %d: %w", id, err)
	}
	s.keep(id, openStorage{row.Updated, bucket})
	return bucket, nil
}

func (s *Storages) openRow(row *pipeline.CloudStorage) (cloud.Bucket, error) {
	credentials, err := s.Unseal(row)
	if err != nil {
		return nil, err
	}
	return s.Open(row, credentials)
}

func (s *Storages) keep(id int64, o openStorage) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for other := range s.open {
		if len(s.open) < maxOpenStorages {
			break
		}
		delete(s.open, other)
	}
	s.open[id] = o
}

func (s *Storages) forget(id int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, id)
}

// Seal returns credentials as they are kept in the row of a storage.
func (s *Storages) Seal(id int64, c *pipeline.CloudCredentials) (string, error) {
	if *c == (pipeline.CloudCredentials{}) {
		return "", nil
	}
	text, err := json.Marshal(c)
	if err != nil {
		return "", fmt.Errorf("write credentials: %w", err)
	}
	return s.box.Seal(seal.Place{Purpose: pipeline.SealCloudStorage, ID: id}, string(text))
}

// Unseal returns the credentials in a row.
func (s *Storages) Unseal(row *pipeline.CloudStorage) (*pipeline.CloudCredentials, error) {
	var c pipeline.CloudCredentials
	text, err := s.box.Open(seal.Place{Purpose: pipeline.SealCloudStorage, ID: row.ID}, row.Sealed)
	if err != nil || text == "" {
		return &c, err
	}
	if err := json.Unmarshal([]byte(text), &c); err != nil {
		return nil, fmt.Errorf("read the credentials of cloud storage %d: malformed", row.ID)
	}
	return &c, nil
}

// Open returns the bucket that a row describes, whether or not it is stored
// yet. Mistakes in the row are errors of kind Invalid, which name the field as
// clients do.
func (s *Storages) Open(row *pipeline.CloudStorage, c *pipeline.CloudCredentials) (cloud.Bucket, error) {
	attributes, err := url.ParseQuery(row.Attributes)
	if err != nil {
		return nil, pipeline.FieldErrorf("specific_attributes", "Invalid specific attributes")
	}
	endpoint := attributes.Get("endpoint_url")
	if endpoint != "" {
		if _, err := s.web.ParseURL(endpoint); err != nil {
			return nil, pipeline.FieldErrorf("specific_attributes", "endpoint_url: %s", pipeline.Public(err).Text)
		}
	}
	switch row.Provider {
	case pipeline.ProviderS3:
		return s3.OpenSource(s3.SourceConfig{
			Bucket: row.Resource, Region: attributes.Get("region"), Endpoint: endpoint,
			Key: c.Key, Secret: c.SecretKey, Client: s.http,
		})
	case pipeline.ProviderGCS:
		return gcs.OpenSource(gcs.SourceConfig{Bucket: row.Resource, Endpoint: endpoint, KeyFile: c.KeyFile, Client: s.http})
	case pipeline.ProviderAzure:
		return azure.OpenSource(azure.SourceConfig{
			Container: row.Resource, Connection: c.ConnectionString, Account: c.AccountName, Token: c.SessionToken, Client: s.http,
		})
	}
	return nil, pipeline.FieldErrorf("provider_type", "%q is not offered", row.Provider)
}
