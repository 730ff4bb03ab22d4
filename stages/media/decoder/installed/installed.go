// Package installed finds framemill-decoder on this host, and finds out whether
// it works.
package installed

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"framemill/stages/media/decoder"
	"framemill/stages/media/sandbox"
)

// Off is what the setting says where the program is not wanted.
const Off = "off"

// Find returns the path of the program and what it says of itself. An empty
// setting means the file of that name beside this program, Off none at all. It
// is tried within the walls, so that what is found works. The error says why
// there is none.
func Find(ctx context.Context, setting string) (path, says string, err error) {
	switch setting {
	case Off:
		return "", "", errors.New("it is switched off")
	case "":
		own, err := os.Executable()
		if err != nil {
			return "", "", fmt.Errorf("find the folder of this program: %w", err)
		}
		path = filepath.Join(filepath.Dir(own), decoder.Name)
	default:
		if path, err = filepath.Abs(setting); err != nil {
			return "", "", err
		}
	}
	if says, err = ask(ctx, path); err != nil {
		return "", "", err
	}
	return path, says, nil
}

// What the program may take to say its version.
const (
	askMemory = 256 << 20
	askTime   = 10 * time.Second
	askBytes  = 256
)

// ask runs the program for its version.
func ask(ctx context.Context, path string) (string, error) {
	if info, err := os.Stat(path); err != nil {
		return "", err
	} else if !info.Mode().IsRegular() {
		return "", fmt.Errorf("%s is no file", path)
	}
	var said bytes.Buffer
	err := sandbox.Run(ctx, sandbox.Command{
		Program: decoder.Name, Path: path, Args: []string{decoder.CommandVersion}, Stdout: &said,
		Limits: sandbox.Limits{MemoryBytes: askMemory, Wall: askTime},
	})
	if err != nil {
		return "", fmt.Errorf("%s does not run: %w", path, err)
	}
	version, library, ok := strings.Cut(strings.TrimSpace(said.String()), ", ")
	if !ok || version != decoder.Version || said.Len() > askBytes {
		return "", fmt.Errorf("%s is %.*q, want %q: build both programs of one source", path, askBytes, said.String(), decoder.Version)
	}
	return library, nil
}
