package api

import (
	"crypto/rand"
	"encoding/binary"
	"io"
	"math"

	"framemill/pipeline"
	"framemill/pipeline/outgoing"
	"framemill/pipeline/plan"
)

// defaultQuality is that of clients that leave the field out, as newer ones may.
const defaultQuality = 70

// dataRequest is what a client says about the data of a task. What is nil or
// empty was not sent.
type dataRequest struct {
	quality, chunkSize     *int64
	startFrame, stopFrame  *int64
	filter                 *string
	sorting, method        string
	onError                string
	useCache, useZipChunks bool
	copyData               bool
	serverFiles, exclude   []string
	order                  []string
	mapping                [][]string
	validation             *validationParams

	remote []string // URLs

	cloud   *int64  // storage that serverFiles are keys of
	pattern *string // of keys
}

// readDataRequest reads and checks the fields of a data request.
func readDataRequest(body io.Reader) (*dataRequest, error) {
	in := new(dataRequest)
	if err := readFields(body, in.fields()); err != nil {
		return nil, err
	}
	return in, in.check()
}

func (in *dataRequest) fields() map[string]fieldReader {
	const negative = "Ensure this value is greater than or equal to 0."
	return map[string]fieldReader{
		"image_quality":        whole(&in.quality, 0, 100, negative),
		"chunk_size":           whole(&in.chunkSize, 1, math.MaxInt32, "Chunk size must be a positive integer"),
		"start_frame":          whole(&in.startFrame, 0, math.MaxInt32, negative),
		"stop_frame":           whole(&in.stopFrame, 0, math.MaxInt32, negative),
		"frame_filter":         text(&in.filter),
		"sorting_method":       words(&in.sorting, "lexicographical", "natural", "predefined", "random"),
		"storage_method":       words(&in.method, "cache", "file_system"),
		"on_error":             words(&in.onError, string(pipeline.ErrorSkip), string(pipeline.ErrorFail)),
		"use_cache":            truth(&in.useCache),
		"use_zip_chunks":       truth(&in.useZipChunks),
		"copy_data":            truth(&in.copyData),
		"server_files":         names(&in.serverFiles),
		"server_files_exclude": names(&in.exclude),
		"upload_file_order":    names(&in.order),
		"job_file_mapping":     nameLists(&in.mapping),
		"remote_files":         names(&in.remote),
		"cloud_storage_id":     orNull(whole(&in.cloud, 1, maxStorageID, "A valid id is required.")),
		"filename_pattern":     orNull(text(&in.pattern)),
		"validation_params":    validation(&in.validation),
	}
}

// check judges what the fields say together.
func (in *dataRequest) check() error {
	if err := in.checkBucket(); err != nil {
		return err
	}
	if in.startFrame != nil && in.stopFrame != nil && *in.startFrame > *in.stopFrame {
		return pipeline.FieldErrorf("non_field_errors", "Stop frame must be more or equal start frame")
	}
	if in.mapping != nil {
		return plan.CheckMapping(in.mapping)
	}
	return nil
}

// spec freezes the request for a task. What is wrong is found now, not when a
// worker has begun.
func (in *dataRequest) spec(cfg *Config, web *outgoing.Client, t *pipeline.Task) (s pipeline.Spec, err error) {
	s = pipeline.Spec{
		ImageQuality: or(in.quality, defaultQuality), ChunkSize: or(in.chunkSize, 0),
		StartFrame: or(in.startFrame, 0), StopFrame: in.stopFrame, Step: 1,
		Sorting: in.sortingMethod(), UseZipChunks: in.useZipChunks, CopyData: in.copyData,
		UseCache: in.useCache || in.method == pipeline.MethodCache || cfg.ForceCache, FileMapping: in.mapping,
		OnError: cfg.OnError, Seed: seed(), SegmentSize: t.SegmentSize, Overlap: t.Overlap, Replicas: t.Replicas,
	}
	if in.onError != "" {
		s.OnError = pipeline.OnError(in.onError)
	}
	if s.Validation, err = in.validation.frozen(seed()); err != nil {
		return s, err
	}
	if err := plan.CheckPoolAlone(&s); err != nil {
		return s, err
	}
	if s.Sorting == pipeline.SortPredefined {
		s.FileOrder = in.order
	}
	if in.filter != nil {
		s.FrameFilter = *in.filter
		if s.Step, err = plan.ParseStep(*in.filter); err != nil {
			return s, err
		}
	}
	if err := in.places(&s, cfg); err != nil {
		return s, err
	}
	if s.RemoteFiles, err = checkRemote(web, in.remote); err != nil {
		return s, err
	}
	if len(s.RemoteFiles) > 0 && len(s.ServerFiles) > 0 {
		return s, pipeline.FieldErrorf("remote_files", "Files of URLs cannot be used together with files of the share")
	}
	if err := plan.CheckMappingAlone(&s); err != nil {
		return s, pipeline.FieldErrorf("job_file_mapping", "%s", pipeline.Public(err).Text)
	}
	return s, nil
}

// places freezes which files of the server are meant.
func (in *dataRequest) places(s *pipeline.Spec, cfg *Config) (err error) {
	if in.cloud != nil {
		return in.bucketSpec(s)
	}
	if s.ServerFiles, err = sharePaths("server_files", in.serverFiles, cfg.SharePrefix); err != nil {
		return err
	}
	s.ServerExcl, err = sharePaths("server_files_exclude", in.exclude, cfg.SharePrefix)
	return err
}

// sortingMethod is how the files are put in order. A validation pool implies
// the one order that it can be used with.
func (in *dataRequest) sortingMethod() pipeline.Sorting {
	switch {
	case in.sorting != "":
		return pipeline.Sorting(in.sorting)
	case in.validation != nil && in.validation.mode == pipeline.ValidationPool:
		return pipeline.SortRandom
	}
	return pipeline.SortLexicographical
}

// or returns what p points to, or a default.
func or(p *int64, otherwise int64) int64 {
	if p == nil {
		return otherwise
	}
	return *p
}

// sharePaths cleans paths of the share. A folder keeps the slash at its end.
func sharePaths(field string, paths []string, prefix string) ([]string, error) {
	var out []string
	for _, p := range paths {
		clean, dir, err := plan.SharePath(p, prefix)
		if err != nil {
			return nil, pipeline.FieldErrorf(field, "%s", pipeline.Public(err).Text)
		}
		if dir {
			clean += "/"
		}
		out = append(out, clean)
	}
	return out, nil
}

// seed returns a number that nobody can guess.
func seed() uint64 {
	var b [8]byte
	_, _ = rand.Read(b[:]) // it does not fail
	return binary.LittleEndian.Uint64(b[:])
}
