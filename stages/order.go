// Package stages says which stages a message runs. The stages themselves lie
// below it, one package each; none knows its neighbours.
package stages

import "framemill/pipeline"

// Name names a stage.
type Name string

// The stages in the order of an ingest.
const (
	Fetch    Name = "fetch"    // download what URLs name
	Collect  Name = "collect"  // list the sources
	Unpack   Name = "unpack"   // unpack an archive that is listed
	Probe    Name = "probe"    // read headers
	Filter   Name = "filter"   // order and select frames
	Generate Name = "generate" // cut segments and jobs, and publish them
	Encode   Name = "encode"   // make the chunks that must be stored
	Finish   Name = "finish"   // preview, counts, end of the request
	Film     Name = "film"     // the same of a video
	Serve    Name = "serve"    // make one chunk that a reader waits for
	Purge    Name = "purge"    // remove what nobody needs any more
)

// Order is the span of stages that each message runs. A small ingest runs all
// of them in one message; a large one runs the same stages, each in units of
// its own.
var Order = map[pipeline.MessageKind][]Name{
	pipeline.UploadRun:     {Collect, Probe, Filter, Generate, Encode, Finish},
	pipeline.UploadFetch:   {Fetch},
	pipeline.UploadCollect: {Collect},
	pipeline.UploadProbe:   {Probe},
	pipeline.JobsGenerate:  {Filter, Generate},
	pipeline.ChunksEncode:  {Encode},
	pipeline.IngestFinish:  {Finish},
	pipeline.ChunkServe:    {Serve},
	pipeline.TaskPurge:     {Purge},
}
