package pipeline

import "strconv"

// Request is what a client polls: one ingest of one task.
type Request struct {
	ID         int64   `db:"id"`
	RQID       string  `db:"rq_id"` // public, action=create&target=task&target_id=7
	TaskID     int64   `db:"task_id"`
	Tenant     Tenant  `db:"tenant"`
	OwnerID    int64   `db:"owner_id"`
	Op         string  `db:"op"`   // create or append
	Spec       string  `db:"spec"` // a Spec as JSON
	State      string  `db:"state"`
	Phase      Phase   `db:"phase"`
	Code       Code    `db:"code"`  // why it failed
	Text       string  `db:"text"`  // the same for people
	Total      int64   `db:"total"` // source files, 0 until collected
	Bad        int64   `db:"bad"`   // source files not used
	Names      string  `db:"names"` // key prefix of the collected pages of names
	Created    Micros  `db:"created"`
	Started    *Micros `db:"started"`
	JobsOpen   *Micros `db:"jobs_open"` // jobs visible since
	Finished   *Micros `db:"finished"`
	Superseded *Micros `db:"superseded"`
}

// States of a request. Done, failed and cancelled are absorbing.
const (
	RequestAccepted  = "accepted"
	RequestRunning   = "running"
	RequestDone      = "done"
	RequestFailed    = "failed"
	RequestCancelled = "cancelled"
)

// Terminal reports whether the request has ended.
func (r *Request) Terminal() bool {
	return r.State == RequestDone || r.State == RequestFailed || r.State == RequestCancelled
}

// CreateRQID returns the public id of the request that creates a task's data.
func CreateRQID(taskID int64) string {
	return "action=create&target=task&target_id=" + strconv.FormatInt(taskID, 10)
}

// Phase is how far an ingest has come. Each phase is one or more units; the
// next begins when all of them are done.
type Phase string

// The phases in order. PhaseAll is that of a small ingest, whose one unit runs
// every stage.
const (
	PhaseAll      Phase = "all"
	PhaseFetch    Phase = "fetch"
	PhaseCollect  Phase = "collect"
	PhaseProbe    Phase = "probe"
	PhaseGenerate Phase = "generate"
	PhaseEncode   Phase = "encode"
	PhaseFinish   Phase = "finish"
)
