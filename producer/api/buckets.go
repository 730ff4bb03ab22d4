package api

import (
	"net/http"
	"net/url"
	"strings"

	"framemill/pipeline"
	"framemill/pipeline/plan"
	"framemill/producer/access"
)

// maxStorageID bounds the ids of cloud storages that clients may name.
const maxStorageID = 1<<53 - 1

// checkBucket judges what the fields of a data request say of a cloud storage.
func (in *dataRequest) checkBucket() error {
	pattern := in.pattern != nil && *in.pattern != ""
	switch {
	case pattern && in.cloud == nil:
		return pipeline.FieldErrorf("filename_pattern", "A pattern can only be used together with a cloud storage")
	case pattern && len(in.exclude) > 0:
		return pipeline.FieldErrorf("filename_pattern", "The filename_pattern and server_files_exclude cannot be used together")
	case in.cloud != nil && len(in.remote) > 0:
		return pipeline.FieldErrorf("remote_files", "Files of URLs cannot be used together with files of a cloud storage")
	case !pattern:
		return nil
	}
	for _, name := range in.serverFiles {
		if plan.ClassOf(name) != plan.Manifest {
			return pipeline.FieldErrorf("filename_pattern", "The filename_pattern can only be used with specified manifest or without server_files")
		}
	}
	_, err := plan.ParsePattern(*in.pattern)
	return err
}

// bucketSpec freezes what is asked of a cloud storage.
func (in *dataRequest) bucketSpec(s *pipeline.Spec) (err error) {
	s.CloudStorageID = *in.cloud
	if in.pattern != nil {
		s.Pattern = *in.pattern
	}
	if s.ServerFiles, err = objectKeys("server_files", in.serverFiles); err != nil {
		return err
	}
	if s.ServerExcl, err = objectKeys("server_files_exclude", in.exclude); err != nil {
		return err
	}
	if s.FileMapping != nil && s.Pattern != "" {
		return pipeline.FieldErrorf("job_file_mapping", "job_file_mapping cannot be used together with filename_pattern")
	}
	manifest := func(name string) bool { return plan.ClassOf(name) == plan.Manifest }
	for _, name := range s.ServerFiles {
		if manifest(name) && s.Sorting == pipeline.SortRandom {
			return pipeline.FieldErrorf("sorting_method", "The random sorting method cannot be used together with a manifest")
		}
	}
	return nil
}

// objectKeys checks keys of objects. One that ends in a slash is a folder.
func objectKeys(field string, keys []string) ([]string, error) {
	out := make([]string, len(keys))
	for i, key := range keys {
		out[i] = strings.TrimPrefix(key, "/")
		if err := plan.ObjectKey(strings.TrimSuffix(out[i], "/")); err != nil {
			return nil, pipeline.FieldErrorf(field, "Bad file path: %s", pipeline.Public(err).Text)
		}
	}
	return out, nil
}

// storageOfRequest looks up the cloud storage of a data request, which the
// caller must be able to see, and notes which part of it may be read.
func (s *Server) storageOfRequest(r *http.Request, spec *pipeline.Spec) error {
	if spec.CloudStorageID == 0 {
		return nil
	}
	row, err := s.visibleStorage(r, spec.CloudStorageID)
	if err != nil {
		return err
	}
	attributes, err := url.ParseQuery(row.Attributes)
	if err != nil {
		return pipeline.FieldErrorf("cloud_storage_id", "the specific attributes of the cloud storage are malformed")
	}
	spec.CloudPrefix = attributes.Get("prefix")
	return nil
}

// visibleStorage returns a cloud storage that the caller may see. Every other id
// gets one answer: which of them exist is nobody's business.
func (s *Server) visibleStorage(r *http.Request, id int64) (*pipeline.CloudStorage, error) {
	row, err := s.DB.CloudStorage(r.Context(), id)
	if pipeline.KindOf(err) == pipeline.NotFound {
		return nil, access.ErrDenied
	}
	if err != nil {
		return nil, err
	}
	return row, check(r, access.ViewCloudStorage, access.CloudStorage(row))
}

// reconnect makes another cloud storage the one that the media of a task lie
// in. It must answer at the moment.
func (s *Server) reconnect(r *http.Request, l *looked, id int64) error {
	if _, err := s.visibleStorage(r, id); err != nil {
		return err
	}
	bucket, err := s.Clouds.Bucket(r.Context(), id)
	if err == nil {
		err = bucket.Check(r.Context())
	}
	if err != nil {
		return pipeline.FieldErrorf("cloud_storage_id", "The specified cloud storage %d does not answer: %s", id, pipeline.Public(err).Text).Because(err)
	}
	return s.DB.Reconnect(r.Context(), l.Task.ID, id)
}

// bucketUnits is how an ingest of a cloud storage begins. What a folder, a
// manifest or a pattern stands for nobody has counted.
func bucketUnits(spec *pipeline.Spec) ([]pipeline.Unit, pipeline.Phase) {
	if spec.Pattern != "" {
		return firstUnit(unknownSize, unknownSize)
	}
	return firstUnit(shareSize(spec.ServerFiles))
}
