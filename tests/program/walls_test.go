package program_test

import (
	"bufio"
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"framemill/stages/media/sandbox"
	"framemill/tests/program"
)

// TestMain lets the tests find out which walls this machine offers.
func TestMain(m *testing.M) {
	sandbox.Helper()
	os.Exit(m.Run())
}

// TestWallsAreLogged starts each process that decodes media. Its log says which
// walls stand round the decoders, and those are all that there can be.
func TestWallsAreLogged(t *testing.T) {
	t.Parallel()
	asJSON := program.Config{Flags: []string{"--log-json"}}
	for name, start := range map[string]func(t *testing.T) *program.Process{
		"up":       func(t *testing.T) *program.Process { return program.Up(t, asJSON).Process },
		"consumer": func(t *testing.T) *program.Process { return program.StartFleet(t, asJSON, 0, 1).Consumers[0] },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, want := awaitWalls(t, start(t)), sandbox.Layers()
			if len(want) == 0 || !slices.Equal(got, want) {
				t.Errorf("the log says that decoders run behind %q, want %q", got, want)
			}
		})
	}
}

// awaitWalls returns the walls that a process logs when it starts.
func awaitWalls(t *testing.T, p *program.Process) []string {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for time.Now().Before(deadline) {
		lines := bufio.NewScanner(strings.NewReader(p.Log()))
		for lines.Scan() {
			var line struct {
				Msg    string
				Layers []string
			}
			if err := json.Unmarshal(lines.Bytes(), &line); err == nil && line.Msg == "decoders run behind walls" {
				return line.Layers
			}
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Fatal("the log says nothing of the walls round decoders")
	return nil
}
