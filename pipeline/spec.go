package pipeline

// Spec is what a client asked of an ingest, frozen when it was accepted.
// It is kept as JSON in the request row.
type Spec struct {
	ImageQuality int64    `json:"image_quality"`
	ChunkSize    int64    `json:"chunk_size,omitempty"` // 0 = by the picture size
	StartFrame   int64    `json:"start_frame,omitempty"`
	StopFrame    *int64   `json:"stop_frame,omitempty"`
	FrameFilter  string   `json:"frame_filter,omitempty"`
	Step         int64    `json:"step"`
	Sorting      Sorting  `json:"sorting"`
	UseCache     bool     `json:"use_cache,omitempty"`
	UseZipChunks bool     `json:"use_zip_chunks,omitempty"`
	CopyData     bool     `json:"copy_data,omitempty"`
	ServerFiles  []string `json:"server_files,omitempty"` // cleaned share paths
	ServerExcl   []string `json:"server_files_exclude,omitempty"`
	RemoteFiles  []string `json:"remote_files,omitempty"` // URLs, each once
	// CloudStorageID is the cloud storage that ServerFiles are keys of, 0 for none.
	CloudStorageID int64    `json:"cloud_storage_id,omitempty"`
	CloudPrefix    string   `json:"cloud_prefix,omitempty"`     // all that the storage shows
	Pattern        string   `json:"filename_pattern,omitempty"` // of keys to add
	FileOrder      []string `json:"upload_file_order,omitempty"`
	// FileMapping lists the frames of each job, by name.
	FileMapping [][]string `json:"job_file_mapping,omitempty"`
	OnError     OnError    `json:"on_error"`
	Seed        uint64     `json:"seed"` // of the random order
	// Validation is the validation set to make, nil for none.
	Validation *Validation `json:"validation,omitempty"`

	// As the task had them at accept.
	SegmentSize int64  `json:"segment_size"`
	Overlap     *int64 `json:"overlap,omitempty"`
	Replicas    int64  `json:"replicas,omitempty"`
}

// Sorting is how the files of a task are put in order.
type Sorting string

// The sorting methods of the contract.
const (
	SortLexicographical Sorting = "lexicographical"
	SortNatural         Sorting = "natural"
	SortPredefined      Sorting = "predefined"
	SortRandom          Sorting = "random"
)

// OnError is what to do with a file that cannot be used while others can.
type OnError string

// The error policies.
const (
	ErrorSkip OnError = "skip" // leave the file out and report it
	ErrorFail OnError = "fail" // fail the whole request
)
