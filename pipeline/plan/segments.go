package plan

import (
	"math"
	"sort"

	"framemill/pipeline"
)

// MaxJobs is how many jobs a task may have, replicas included.
const MaxJobs = 5000

// videoOverlap is the overlap of segments of a video if none was asked for.
const videoOverlap = 5

// Range is a run of relative frames, both ends included.
type Range struct{ Start, Stop int64 }

// Size returns the number of frames of the range.
func (r Range) Size() int64 { return r.Stop - r.Start + 1 }

// Cut is how the frames of a task are divided into segments.
type Cut struct {
	SegmentSize int64   // effective; 0 if the segments are of custom sizes
	Overlap     int64   // effective
	Ranges      []Range // by ascending start
}

// Segments cuts size frames into segments of equal size, of which neighbours
// share overlap frames. A segment size of 0 means one segment. The overlap is
// clipped to half a segment, so that no segment is only overlap; nil means 0
// for pictures and 5 for a video. Each segment becomes 1+replicas jobs, and
// too many of them are refused before anything is allocated.
func Segments(size, segmentSize int64, overlap *int64, video bool, replicas int64) (Cut, error) {
	if size < 1 {
		return Cut{}, pipeline.Failf(pipeline.CodeBadFrameRange, "", "No frame is selected")
	}
	if segmentSize <= 0 || segmentSize > size {
		segmentSize = size
	}
	shared := int64(0)
	switch {
	case overlap != nil:
		shared = max(*overlap, 0)
	case video:
		shared = videoOverlap
	}
	shared = min(shared, segmentSize/2)
	stride := segmentSize - shared
	count := (size-shared-1)/stride + 1
	if err := checkJobs(count, replicas); err != nil {
		return Cut{}, err
	}
	cut := Cut{SegmentSize: segmentSize, Overlap: shared, Ranges: make([]Range, count)}
	for k := range cut.Ranges {
		start := int64(k) * stride
		cut.Ranges[k] = Range{start, min(start+segmentSize, size) - 1}
	}
	return cut, nil
}

// MappedSegments returns the segments of a job_file_mapping, whose jobs have
// the given numbers of frames.
func MappedSegments(lengths []int64, replicas int64) (Cut, error) {
	if err := checkJobs(int64(len(lengths)), replicas); err != nil {
		return Cut{}, err
	}
	cut := Cut{Ranges: make([]Range, len(lengths))}
	next := int64(0)
	for k, n := range lengths {
		if n < 1 {
			return Cut{}, pipeline.Failf(pipeline.CodeBadMapping, "", "Job %d of the job file mapping has no files", k)
		}
		cut.Ranges[k] = Range{next, next + n - 1}
		next += n
	}
	return cut, nil
}

func checkJobs(segments, replicas int64) error {
	each := 1 + max(replicas, 0)
	if segments <= MaxJobs/each {
		return nil
	}
	total := int64(math.MaxInt64)
	if segments <= total/each {
		total = segments * each
	}
	return pipeline.Failf(pipeline.CodeTooManyJobs, "",
		"Too many jobs would be created for the task. Current total: %d, maximum allowed: %d", total, MaxJobs)
}

// SegmentOf returns the index of the first segment that holds a relative
// frame, or -1 if none does.
func (c Cut) SegmentOf(frame int64) int {
	i := sort.Search(len(c.Ranges), func(i int) bool { return c.Ranges[i].Stop >= frame })
	if i == len(c.Ranges) || c.Ranges[i].Start > frame {
		return -1
	}
	return i
}
