package pipeline

import "time"

// MessageKind names a kind of unit, and the message that announces it. No name
// is a prefix of another, because asynq matches handlers by prefix.
type MessageKind string

// The kinds of units.
const (
	UploadRun     MessageKind = "upload:run" // every stage of a small ingest
	UploadFetch   MessageKind = "upload:fetch"
	UploadCollect MessageKind = "upload:collect"
	UploadProbe   MessageKind = "upload:probe"
	JobsGenerate  MessageKind = "jobs:generate"
	ChunksEncode  MessageKind = "chunks:encode"
	IngestFinish  MessageKind = "ingest:finish"
	ChunkServe    MessageKind = "chunk:serve" // a chunk that a reader waits for
	TaskPurge     MessageKind = "task:purge"
)

// MessageKinds lists every kind of unit.
func MessageKinds() []MessageKind {
	return []MessageKind{UploadRun, UploadFetch, UploadCollect, UploadProbe, JobsGenerate, ChunksEncode, IngestFinish, ChunkServe, TaskPurge}
}

// Lane is a queue with slots of its own.
type Lane string

// The lanes.
const (
	Interactive Lane = "interactive" // somebody waits
	Bulk        Lane = "bulk"
	Background  Lane = "background"
)

// Lanes lists every lane, the most urgent first.
func Lanes() []Lane { return []Lane{Interactive, Bulk, Background} }

// States of a unit.
const (
	UnitReady   = "ready"
	UnitRunning = "running"
	UnitDone    = "done"
	UnitFailed  = "failed"
)

// Unit is the smallest piece of work, and its own outbox: a ready row that was
// not sent is what the relay sends next. Lo and Hi bound the half-open range
// that it covers: files, or chunks counted over the whole task.
type Unit struct {
	ID        UnitID      `db:"id"`
	RequestID *int64      `db:"request_id"`
	TaskID    int64       `db:"task_id"`
	Kind      MessageKind `db:"kind"`
	Lane      Lane        `db:"lane"`
	Tenant    Tenant      `db:"tenant"`
	Lo        int64       `db:"lo"`
	Hi        int64       `db:"hi"`
	Arg       string      `db:"arg"`    // the quality of a chunk:serve
	Rank      int64       `db:"rank"`   // of a tenant's units the lowest rank goes first
	Dedupe    *string     `db:"dedupe"` // at most one open unit has it
	Cost      float64     `db:"cost"`   // estimated seconds
	State     string      `db:"state"`
	Gen       int64       `db:"gen"` // message generation
	Sent      *Micros     `db:"sent"`
	RunAt     Micros      `db:"run_at"`
	Fence     int64       `db:"fence"` // counts claims; every write checks it
	WorkerID  *string     `db:"worker_id"`
	Lease     *Micros     `db:"lease"`    // the claim is void from then on
	Attempts  int64       `db:"attempts"` // tries that ended by an error
	Crashes   int64       `db:"crashes"`  // tries that ended without a word
	Code      Code        `db:"code"`
	Created   Micros      `db:"created"`
}

// Claim is a worker's right to write the results of one attempt at a unit.
// A store refuses every write whose fence is no longer the unit's.
type Claim struct {
	Unit
	Request *Request // nil for units without one
}

// Message is the payload that travels on Redis: which unit, which generation.
// A consumer drops a version that it does not know; the row waits for a newer
// consumer.
type Message struct {
	V   int    `json:"v"`
	ID  UnitID `json:"id"`
	Gen int64  `json:"gen"`
}

// MessageVersion is the payload version that this build writes and reads.
const MessageVersion = 1

// Worker is one live consumer process.
type Worker struct {
	ID      string `db:"id"`
	Host    string `db:"host"`
	Version string `db:"version"`
	Slots   string `db:"slots"` // JSON, lane → slots
	Beat    Micros `db:"beat"`
}

// Timing of the engine.
const (
	LeaseTime     = 10 * time.Second       // a claim without a beat is void after this
	BeatEvery     = 3 * time.Second        // one batched beat a process
	RelayEvery    = 250 * time.Millisecond // backstop of the kicks
	ReapEvery     = 500 * time.Millisecond
	LostAfter     = 5 * time.Second  // a sent message not claimed for this long is looked for
	StallAfter    = 60 * time.Second // an attempt without progress is ended
	MaxAttempts   = 5                // tries that end by an error
	SoloAfter     = 2                // crashes after which a unit runs alone
	WindowPadding = 2                // messages in flight beyond the slots of live workers
)
