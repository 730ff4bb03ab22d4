package pipeline

// Data is the media of one task: which frames it has and how chunks of them
// are made. Size is 0 and Published nil until the jobs are visible.
type Data struct {
	ID             int64     `db:"id"`
	TaskID         int64     `db:"task_id"`
	RequestID      *int64    `db:"request_id"` // the request that made it
	Size           int64     `db:"size"`       // frames
	StartFrame     int64     `db:"start_frame"`
	StopFrame      int64     `db:"stop_frame"` // the last frame really included, absolute
	Step           int64     `db:"step"`
	FrameFilter    string    `db:"frame_filter"` // as the client wrote it
	ChunkSize      *int64    `db:"chunk_size"`   // frames a chunk; nil until known
	Quality        int64     `db:"quality"`      // 0..100
	CompressedType string    `db:"compressed_type"`
	OriginalType   string    `db:"original_type"`
	Storage        string    `db:"storage"` // local, share or cloud_storage
	CloudStorageID *int64    `db:"cloud_storage_id"`
	Sorting        string    `db:"sorting"`
	Method         string    `db:"method"` // cache or static
	DeletedFrames  FrameList `db:"deleted_frames"`
	Index          string    `db:"index_key"` // blob with the frame index of a video, "" for pictures
	Published      *Micros   `db:"published"`
}

// Video reports whether the data are a video: its frames have no rows but an
// index.
func (d *Data) Video() bool { return d.Index != "" }

// Chunk types as the contract spells them.
const (
	ChunkImageset = "imageset"
	ChunkVideo    = "video"
)

// Storage methods of Data.
const (
	MethodCache  = "cache"
	MethodStatic = "static"
)

// Storage places of Data.
const (
	StorageLocal = "local"
	StorageShare = "share"
	StorageCloud = "cloud_storage"
)

// Upload is one file that a client sent for a task, or that was fetched for it.
type Upload struct {
	ID      string `db:"id"` // UUIDv7
	TaskID  int64  `db:"task_id"`
	UserID  int64  `db:"user_id"`
	Ord     int64  `db:"ord"`  // order of arrival within the task
	Name    string `db:"name"` // as the client named it, cleaned; unique within the task
	Length  int64  `db:"length"`
	Key     string `db:"store_key"` // blob key
	SHA256  string `db:"sha256"`    // hex
	CRC32   int64  `db:"crc32"`
	Code    Code   `db:"code"` // why it could not be fetched, "" if it is there
	Text    string `db:"text"` // the same for people
	Created Micros `db:"created"`
}

// SourceFile is a file of an ingest before it was looked into: a name and
// where its bytes lie.
type SourceFile struct {
	Name  string `json:"name"`            // relative to the root of the data, / between components
	Ref   Ref    `json:"ref"`             // where the bytes lie
	Bytes int64  `json:"bytes"`           // length of the content
	MTime int64  `json:"mtime,omitempty"` // µs; share files only
	ETag  string `json:"etag,omitempty"`  // the version of an object of a cloud storage
	CRC32 *int64 `json:"crc32,omitempty"` // of the content, where known without reading it
	// Width and Height are as a manifest says; then nobody looks into the file.
	Width  int64  `json:"width,omitempty"`
	Height int64  `json:"height,omitempty"`
	Code   Code   `json:"code,omitempty"` // already known to be bad, and why
	Text   string `json:"text,omitempty"`
}

// File is one source file of a request, with what probing found.
type File struct {
	RequestID int64   `db:"request_id" json:"request_id"`
	Ord       int64   `db:"ord" json:"ord"` // place in the collected list
	Name      string  `db:"name" json:"name"`
	Ref       Ref     `db:"ref" json:"ref"`
	Bytes     int64   `db:"bytes" json:"bytes"`
	MTime     int64   `db:"mtime" json:"mtime"` // µs; 0 if not checked
	ETag      string  `db:"etag" json:"etag"`   // of an object of a cloud storage, else ""
	CRC32     *int64  `db:"crc32" json:"crc32"`
	Format    string  `db:"format" json:"format"` // jpeg, png, …
	Width     int64   `db:"width" json:"width"`   // upright, that is after orientation
	Height    int64   `db:"height" json:"height"`
	Orient    int64   `db:"orient" json:"orient"`   // EXIF orientation 1..8
	Frames    int64   `db:"frames" json:"frames"`   // of a video; 0 for a picture
	Index     string  `db:"index_key" json:"index"` // blob with the frame index of a video
	Outcome   Outcome `db:"outcome" json:"outcome"` // what became of it
	Code      Code    `db:"code" json:"code"`       // why, if not ok
	Text      string  `db:"text" json:"text"`
}

// Outcome is what became of one source file.
type Outcome string

// The outcomes.
const (
	OutcomeOK        Outcome = "ok"
	OutcomeSkipped   Outcome = "skipped"   // not a frame, by its name or the policy
	OutcomeFailed    Outcome = "failed"    // cannot be used; Code says why
	OutcomeTruncated Outcome = "truncated" // a frame, but the source ends early
	OutcomeDamaged   Outcome = "damaged"   // a frame, but not of the bytes that were packed
)

// Frame is one frame of a picture task: number N shows file Ord of the request.
type Frame struct {
	N    int64  `db:"n" json:"n"`
	Ord  int64  `db:"ord" json:"ord"`
	Real *int64 `db:"real_n" json:"real,omitempty"` // of a honeypot, the frame of the pool that it shows
}

// Relation says that a file is shown beside a frame's file.
type Relation struct {
	Frame int64 `db:"frame_ord" json:"frame"` // the place of the frame's file
	Ord   int64 `db:"ord" json:"ord"`         // the place of the related one
}

// FormatCloud is the format of a point cloud.
const FormatCloud = "pcd"

// FrameFile is a frame joined with the file that it shows.
type FrameFile struct {
	N int64 `db:"n" json:"n"`
	File
}

// Derived reports whether the original of the frame is not the source's bytes:
// rotated pictures and TIFFs are written anew. What nobody has looked into may
// be one of these.
func (f *File) Derived() bool { return f.Orient > 1 || f.Format == "tiff" || f.Unseen() }

// Unseen reports whether nobody has looked into the file: of a picture that a
// manifest describes only the size is known.
func (f *File) Unseen() bool { return f.Format == "" }

// Segment is a run of frames, or a few chosen ones, that jobs share.
type Segment struct {
	ID            int64     `db:"id"`
	TaskID        int64     `db:"task_id"`
	Type          string    `db:"type"`       // range or specific_frames
	Start         int64     `db:"start"`      // relative, inclusive
	Stop          int64     `db:"stop"`       // relative, inclusive
	Frames        FrameList `db:"frames"`     // of specific_frames, between start and stop
	ChunkBase     int64     `db:"chunk_base"` // chunks in the task's earlier segments
	ChunkVersion  int64     `db:"chunk_ver"`
	ChunksUpdated Micros    `db:"chunks_updated"`
}

// Types of segments as the contract spells them.
const (
	SegmentRange    = "range"
	SegmentSpecific = "specific_frames"
)

// Size returns the number of frames of the segment.
func (s *Segment) Size() int64 {
	if s.Type == SegmentSpecific {
		return s.Frames.Len()
	}
	return s.Stop - s.Start + 1
}

// Job is a person's piece of work on one segment.
type Job struct {
	ID              int64   `db:"id"`
	TaskID          int64   `db:"task_id"`
	SegmentID       int64   `db:"segment_id"`
	ParentID        *int64  `db:"parent_id"`
	Type            string  `db:"type"`
	Stage           string  `db:"stage"`
	State           string  `db:"state"`
	AssigneeID      *int64  `db:"assignee_id"`
	Created         Micros  `db:"created"`
	Updated         Micros  `db:"updated"`
	AssigneeUpdated *Micros `db:"assignee_updated"`
}

// Types, stages and states of jobs as the contract spells them.
const (
	JobAnnotation  = "annotation"
	JobGroundTruth = "ground_truth"
	JobReplica     = "consensus_replica"

	StageAnnotation = "annotation"
	StageValidation = "validation"
	StageAcceptance = "acceptance"

	StateNew        = "new"
	StateInProgress = "in progress"
	StateCompleted  = "completed"
	StateRejected   = "rejected"

	StatusAnnotation = "annotation"
	StatusValidation = "validation"
	StatusCompleted  = "completed"
)

// Quality names a set of chunks of a segment, or of what is kept like them.
type Quality string

// The qualities. A preview is one small picture of the segment's first frame.
const (
	Compressed Quality = "compressed"
	Original   Quality = "original"
	Preview    Quality = "preview"
)

// What readers of videos ask for beside chunks. It is built when first asked
// for and forgotten a day after its last use. The index is the relative number
// of a frame, or the number of a chunk that is counted over the whole task, of
// which a window has what lies in the segment. Whole-task chunks are kept with
// the task's first segment.
const (
	FrameCompressed  Quality = "frame_compressed" // PNG, as large as in a chunk
	FrameOriginal    Quality = "frame_original"   // PNG, from the source itself
	WindowCompressed Quality = "window_compressed"
	WindowOriginal   Quality = "window_original"
	TaskCompressed   Quality = "task_compressed"
	TaskOriginal     Quality = "task_original"
)

// Context is the related images of one frame in a zip. The index is the relative
// number of the frame. It is built when first asked for, and forgotten like what
// readers of videos ask for.
const Context Quality = "context"

// InRuns reports whether chunks of a quality follow one another in a segment, so
// that those of a video are built many at a time.
func (q Quality) InRuns() bool { return q == Compressed || q == Original }

// Chunk is one immutable file of consecutive frames of a segment. A row exists
// if and only if the file does.
type Chunk struct {
	SegmentID int64   `db:"segment_id" json:"segment_id"`
	Quality   Quality `db:"quality" json:"quality"`
	Index     int64   `db:"idx" json:"idx"`
	Version   int64   `db:"ver" json:"ver"`
	Key       string  `db:"store_key" json:"key"`
	Bytes     int64   `db:"bytes" json:"bytes"`
	CRC32     int64   `db:"crc32" json:"crc32"`   // IEEE, of the whole file
	Frames    int64   `db:"frames" json:"frames"` // frames in the chunk
}
