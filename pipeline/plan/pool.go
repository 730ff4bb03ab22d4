package plan

import (
	"slices"

	"framemill/pipeline"
)

// CheckReals checks the frames that honeypots are to show: they must be in the
// pool, and active.
func CheckReals(reals, pool, disabled []int64) error {
	if foreign := without(reals, pool); len(foreign) > 0 {
		return badValidation("honeypot_real_frames", "frames %s are not from the validation pool", Numbers(foreign))
	}
	if off := without(reals, without(reals, disabled)); len(off) > 0 {
		return badValidation("honeypot_real_frames",
			"frames %s are disabled. Restore them in the validation pool first", Numbers(off))
	}
	return nil
}

// without returns those of a list that are not among others.
func without(list, others []int64) []int64 {
	drop := make(map[int64]struct{}, len(others))
	for _, n := range others {
		drop[n] = struct{}{}
	}
	return slices.DeleteFunc(slices.Clone(list), func(n int64) bool {
		_, gone := drop[n]
		return gone
	})
}

// Active returns the frames of a pool that are not disabled.
func Active(pool, disabled []int64) []int64 { return without(pool, disabled) }

// DealHoneypots chooses new frames for all honeypots of a task: counts says how
// many each job has. No frame is used more than once oftener than another, and
// none is twice in a job.
func DealHoneypots(active []int64, counts []int64, seed uint64) ([]int64, error) {
	total := int64(0)
	for _, k := range counts {
		if err := enoughActive(active, k); err != nil {
			return nil, err
		}
		total += k
	}
	cycle := slices.Clone(active)
	shuffle(NewGenerator(seed), cycle)
	reals := make([]int64, total)
	for i := range reals {
		reals[i] = cycle[i%len(cycle)]
	}
	return reals, nil
}

// LeastUsed chooses count different frames of a pool for the honeypots of one
// job: those that all honeypots show least often first, at random among equals.
func LeastUsed(active []int64, honeypots []pipeline.Honeypot, count int64, seed uint64) ([]int64, error) {
	if err := enoughActive(active, count); err != nil {
		return nil, err
	}
	used := make(map[int64]int, len(active))
	for _, h := range honeypots {
		used[h.Real]++
	}
	order := slices.Clone(active)
	shuffle(NewGenerator(seed), order)
	slices.SortStableFunc(order, func(a, b int64) int { return used[a] - used[b] })
	return order[:count], nil
}

func enoughActive(active []int64, count int64) error {
	if count <= int64(len(active)) {
		return nil
	}
	return badValidation("disabled_frames",
		"The validation pool has %d active frames, which is too few for the %d honeypots of a job", len(active), count)
}

// DisablePool returns which frames of a task are deleted after the disabled
// frames of its pool changed from old to now. A disabled frame is deleted, and
// with it every honeypot that shows it; all other deletions stay.
func DisablePool(deleted []int64, honeypots []pipeline.Honeypot, pool, old, now []int64) []int64 {
	restored := without(old, now)
	deleted = without(deleted, without(pool, now))
	deleted = without(deleted, showing(honeypots, restored))
	deleted = append(deleted, now...)
	deleted = append(deleted, showing(honeypots, now)...)
	slices.Sort(deleted)
	return slices.Compact(deleted)
}

// showing returns the honeypots that show any of some frames.
func showing(honeypots []pipeline.Honeypot, reals []int64) []int64 {
	wanted := make(map[int64]struct{}, len(reals))
	for _, n := range reals {
		wanted[n] = struct{}{}
	}
	var out []int64
	for _, h := range honeypots {
		if _, ok := wanted[h.Real]; ok {
			out = append(out, h.N)
		}
	}
	return out
}
