package sandbox

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"time"
)

// busyEvery is how often it is looked whether a child uses the processor.
const busyEvery = 5 * time.Second

// whileBusy calls busy after each period in which a process used the processor,
// until stop is called, which returns when nothing is called any more.
func whileBusy(pid int, every time.Duration, busy func()) (stop func()) {
	if busy == nil {
		return func() {}
	}
	ended, left := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(left)
		tick := time.NewTicker(every)
		defer tick.Stop()
		for last := int64(0); ; {
			select {
			case <-ended:
				return
			case <-tick.C:
			}
			if used, err := cpuTicks(pid); err == nil && used > last {
				last = used
				busy()
			}
		}
	}()
	return func() {
		close(ended)
		<-left
	}
}

// Where a process's use of the processor stands in its stat file, counted from
// behind its name, which may have anything in it.
const (
	userTicks   = 11
	systemTicks = 12
)

// cpuTicks returns for how long a process has used the processor, with all its
// threads, in ticks of the kernel.
func cpuTicks(pid int) (int64, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	if len(fields) <= systemTicks {
		return 0, fmt.Errorf("the stat file of process %d has %d fields behind the name", pid, len(fields))
	}
	var sum int64
	for _, f := range fields[userTicks : systemTicks+1] {
		n, err := strconv.ParseInt(string(f), 10, 64)
		if err != nil {
			return 0, err
		}
		sum += n
	}
	return sum, nil
}
