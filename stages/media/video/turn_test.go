package video_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"framemill/stages/media/sandbox"
	"framemill/stages/media/video"
)

// TestIndexTakesTurns wants each program to run in a turn, with the threads that
// the gate grants, and files that need none not to wait for any.
func TestIndexTakesTurns(t *testing.T) {
	t.Parallel()
	usual := x264("keyint=12:bframes=2")
	tests := []struct {
		name  string
		clip  clip
		turns int
	}{
		{"plain", clip{file: "x.mp4", args: usual}, 0},
		{"packets", clip{file: "x.mkv", args: usual}, 2},
		{"counted", clip{file: "x.webm", args: []string{"-c:v", "libvpx", "-pix_fmt", "yuv420p", "-deadline", "realtime"}}, 2},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			turns, inside, runs := 0, 0, 0
			gate := func(_ context.Context, cores int, bytes int64) (int, func(), error) {
				if cores != 2 || bytes <= 0 {
					t.Errorf("%d cores and %d bytes are asked for, want 2 and some", cores, bytes)
				}
				turns++
				inside++
				return 1, func() { inside-- }, nil
			}
			e := engine(t).Gated(gate).Watched(func(c sandbox.Command) {
				runs++
				if i := slices.Index(c.Args, "-threads"); inside != 1 || i < 0 || c.Args[i+1] != "1" {
					t.Errorf("%s runs in %d turns with the arguments %v, want one turn and one thread", c.Program, inside, c.Args)
				}
			})
			index(t, e, tt.clip.make(t))
			if turns != tt.turns || runs != tt.turns || inside != 0 {
				t.Errorf("%d turns for %d programs, %d not given back; want %d of both", turns, runs, inside, tt.turns)
			}
		})
	}
}

// TestIndexWithoutATurn ends when the gate does not let it in.
func TestIndexWithoutATurn(t *testing.T) {
	t.Parallel()
	closed := errors.New("closed")
	e := engine(t).Gated(func(context.Context, int, int64) (int, func(), error) { return 0, nil, closed })
	path := clip{file: "x.mkv", args: x264("keyint=12")}.make(t)
	if _, err := e.Index(t.Context(), video.File{Path: path, Name: "x.mkv"}, func() {}); !errors.Is(err, closed) {
		t.Errorf("got %v, want what the gate says", err)
	}
}
