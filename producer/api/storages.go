package api

import "framemill/pipeline"

// storage is where exports of a task or project go, or imports come from.
type storage struct {
	ID             int64  `json:"id"`
	Location       string `json:"location"`
	CloudStorageID *int64 `json:"cloud_storage_id"`
}

func storageOf(s *pipeline.Storage) *storage {
	if s == nil {
		return nil
	}
	return &storage{s.ID, s.Location, s.CloudStorageID}
}

// storageInput is a storage in a request.
type storageInput struct {
	Location       *string  `json:"location"`
	CloudStorageID *integer `json:"cloud_storage_id"`
}

// storage returns what the input asks for. No cloud storage exists yet, so an
// id of one names nothing.
func (in *storageInput) storage(field string) (*pipeline.Storage, error) {
	location := pipeline.StorageLocal
	if in.Location != nil {
		location = *in.Location
	}
	switch {
	case location != pipeline.StorageLocal && location != pipeline.StorageCloud:
		return nil, pipeline.FieldErrorf(field, "%q is not a valid choice: local or cloud_storage.", clip(location))
	case in.CloudStorageID != nil && location == pipeline.StorageLocal:
		return nil, pipeline.FieldErrorf(field, "a cloud storage can be named for the location cloud_storage only")
	case in.CloudStorageID != nil:
		return nil, errNoSuchKey(field, int64(*in.CloudStorageID))
	case location == pipeline.StorageCloud:
		return nil, pipeline.FieldErrorf(field, "name the cloud storage by its cloud_storage_id")
	}
	return &pipeline.Storage{Location: location}, nil
}
