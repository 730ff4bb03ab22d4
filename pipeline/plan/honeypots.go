package plan

import (
	"slices"

	"framemill/pipeline"
)

// maxHoneypots bounds how many frames a validation pool may add to a task.
const maxHoneypots = 2_000_000

// Placement is a task with a validation pool: the jobs with their honeypots,
// then the pool.
type Placement struct {
	Files   []int64 // which of the files each frame shows
	Reals   []int64 // for each frame the frame of the pool that it repeats, -1 if it is no honeypot
	Lengths []int64 // frames of each annotation job
	Pool    Range
	PerJob  int64 // honeypots of each job
}

// PlaceHoneypots moves some of n files, which are in natural order, into a pool
// and hides perJob frames of the pool in every job of segmentSize other files.
// Which frames go where follows from the seed, and is part of the public
// contract. Files that a client named for the pool are chosen.
func PlaceHoneypots(v *pipeline.Validation, n, segmentSize int64, chosen []int64) (*Placement, error) {
	g := NewGenerator(v.Seed)
	pool, err := drawPool(g, v, n, segmentSize, chosen)
	if err != nil {
		return nil, err
	}
	rest := others(n, pool)
	if len(rest) == 0 {
		return nil, badValidation("frame_count", "All %d frames would be validation frames; at least one must be left", n)
	}
	if segmentSize <= 0 {
		segmentSize = int64(len(rest))
	}
	perJob, err := honeypotsPerJob(v, int64(len(pool)), segmentSize)
	if err != nil {
		return nil, err
	}
	jobs := (int64(len(rest))-1)/segmentSize + 1
	if jobs > maxHoneypots/perJob {
		return nil, badValidation("frames_per_job_count",
			"%d honeypots in each of %d jobs are more than the %d that a task may have", perJob, jobs, maxHoneypots)
	}
	shuffle(g, rest)
	cycle := slices.Clone(pool)
	shuffle(g, cycle)
	p := &Placement{PerJob: perJob}
	g = NewGenerator(v.Seed)
	next := 0
	for batch := range slices.Chunk(rest, int(segmentSize)) {
		job := slices.Clone(batch)
		for range perJob {
			job = append(job, cycle[next])
			next = (next + 1) % len(cycle)
		}
		shuffle(g, job)
		p.Files = append(p.Files, job...)
		p.Lengths = append(p.Lengths, int64(len(job)))
	}
	p.append(pool)
	return p, nil
}

// append puts the pool behind the jobs and finds its frames in them.
func (p *Placement) append(pool []int64) {
	first := int64(len(p.Files))
	p.Pool = Range{first, first + int64(len(pool)) - 1}
	p.Reals = make([]int64, p.Pool.Stop+1)
	number := make(map[int64]int64, len(pool))
	for i, file := range pool {
		number[file] = first + int64(i)
	}
	for n := range p.Reals {
		p.Reals[n] = -1
		if int64(n) < first {
			if real, ok := number[p.Files[n]]; ok {
				p.Reals[n] = real
			}
		}
	}
	p.Files = append(p.Files, pool...)
}

// drawPool chooses the files of the pool, in ascending order.
func drawPool(g *Generator, v *pipeline.Validation, n, segmentSize int64, chosen []int64) (pool []int64, err error) {
	switch v.Method {
	case pipeline.SelectManual:
		pool = slices.Clone(chosen)
	case pipeline.SelectPerJob:
		k := poolPerJob(v, n, segmentSize)
		pool, err = uniform(g, &pipeline.Validation{Count: &k}, n)
	default:
		pool, err = uniform(g, v, n)
	}
	slices.Sort(pool)
	return pool, err
}

// poolPerJob is the size of a pool that gives each job as many frames of its
// own as it has honeypots, but never more than half of all.
func poolPerJob(v *pipeline.Validation, n, segmentSize int64) int64 {
	if segmentSize <= 0 || segmentSize > n {
		segmentSize = max(n, 1)
	}
	k := int64(1)
	if v.PerJobCount != nil {
		k = *v.PerJobCount
	} else if v.PerJobShare != nil {
		k = share(*v.PerJobShare, segmentSize)
	}
	jobs := (n-1)/segmentSize + 1
	return max(1, min(min(k, n)*jobs, n/2))
}

// others returns the numbers below n that are not in an ascending list.
func others(n int64, list []int64) []int64 {
	rest := make([]int64, 0, n-int64(len(list)))
	for i := range n {
		if len(list) > 0 && list[0] == i {
			list = list[1:]
			continue
		}
		rest = append(rest, i)
	}
	return rest
}

// honeypotsPerJob is how many honeypots a job gets.
func honeypotsPerJob(v *pipeline.Validation, pool, segmentSize int64) (int64, error) {
	m := int64(1)
	switch {
	case v.PerJobCount != nil:
		m = *v.PerJobCount
		if m > pool && v.Count != nil {
			return 0, badValidation("frames_per_job_count",
				"The number of validation frames of a job (%d) must not be greater than the validation pool (%d)", m, pool)
		}
	case v.PerJobShare != nil:
		m = share(*v.PerJobShare, segmentSize)
	}
	return max(1, min(m, pool)), nil
}

func shuffle(g *Generator, list []int64) {
	g.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
}
