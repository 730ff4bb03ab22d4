package sandbox

import "context"

// Walls are layers, for tests of each alone.
type Walls = layers

// Here is what this machine offers.
func Here() Walls { return here() }

// RunFile is Run for the program at a path, within chosen walls.
func RunFile(ctx context.Context, path string, walls Walls, c Command) error {
	return runProgram(ctx, path, walls, c)
}

// WhileBusy and CPUTicks tell whether a process works.
var (
	WhileBusy = whileBusy
	CPUTicks  = cpuTicks
)
