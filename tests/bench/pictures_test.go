package bench_test

import (
	"fmt"
	"testing"
)

// development is a row of the table of pictures: sources of some qualities, and
// what is promised of the chunks made of them beside those of the reference.
type development struct {
	qualities string
	ratio     float64 // of processor time
	through   bool    // they are passed through, so that they keep their size
}

var developments = []development{
	{"85,88,90,92,95", 3.0, false},
	{"70", 20, true},
	{"60", 20, true},
}

const (
	minMeanLoss    = -0.05 // dB
	minWorstLoss   = -0.6
	maxPicturePeak = 80 << 20
	zipOverhead    = 200 // bytes, of an entry
)

// BenchmarkPictures measures what chunks of pictures cost, and prints one table.
// The baseline is Pillow at the same work on one thread; ratios are of processor
// time, each of a run of theirs to the run of ours before.
func BenchmarkPictures(b *testing.B) {
	var t table
	for _, w := range developments {
		b.Run(w.qualities, func(b *testing.B) {
			kind, paths := makePictures(b, w.qualities)
			d := newDarkroom(b, paths)
			for b.Loop() {
				d.compete(b, &t, fmt.Sprintf("%d %s of 1080p, quality %s → %d", len(paths), kind, w.qualities, chunkQuality), w)
			}
		})
	}
	b.Log(t.String())
}

// compete has both sides make the chunk in turns.
func (d *darkroom) compete(b *testing.B, t *table, name string, goal development) {
	b.Helper()
	peak := d.peak(b)
	var ours, theirs, ratios []float64
	var theirPeak int64
	for range runs(b) {
		mine := d.make(b)
		ms, p := d.reference(b)
		ours, theirs, theirPeak = append(ours, mine), append(theirs, ms), max(theirPeak, p)
		ratios = append(ratios, ms/mine)
	}
	our, their, worst, mean := d.judge(b)
	ratio, size := at(ratios, 0.5), float64(our.bytes)/float64(their.bytes)
	side := func(ms float64, l likeness, peak int64) string {
		return fmt.Sprintf("%.2f ms/picture, %.2f dB, %.2f MB, peak %d MiB", ms, l.psnr, float64(l.bytes)/1e6, peak>>20)
	}
	t.add(name, side(at(ours, 0.5), our, peak), side(at(theirs, 0.5), their, theirPeak),
		fmt.Sprintf("%.2f× (%.2f–%.2f), size %.3f×, %+.3f dB, at worst %+.2f dB", ratio, at(ratios, 0.1), at(ratios, 0.9), size, mean, worst),
		fmt.Sprintf("≥ %.1f×", goal.ratio))
	if ratio < goal.ratio {
		b.Errorf("%s: the reference takes %.2f× our time, want at least %.1f×", name, ratio, goal.ratio)
	}
	most := their.bytes
	if goal.through {
		most = sizeOf(b, d.paths...) + int64(len(d.paths))*zipOverhead
	}
	if our.bytes > most {
		b.Errorf("%s: the chunk has %d bytes, want at most %d", name, our.bytes, most)
	}
	if mean < minMeanLoss || worst < minWorstLoss {
		b.Errorf("%s: the PSNR differs by %+.3f dB, at worst by %+.2f dB; want at least %+.2f and %+.2f", name, mean, worst, minMeanLoss, minWorstLoss)
	}
	if peak > maxPicturePeak {
		b.Errorf("%s: the peak is %d MiB, want at most %d MiB", name, peak>>20, maxPicturePeak>>20)
	}
}
