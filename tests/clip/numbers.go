package clip

import (
	"archive/zip"
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"io"
	"os"
	"os/exec"

	"framemill/tests/barcode"
)

// Numbers returns the numbers in all frames of a chunk, in their order. The
// chunk is a zip of JPEGs, or a video.
func Numbers(ctx context.Context, chunk []byte) ([]int, error) {
	if bytes.HasPrefix(chunk, []byte("PK")) {
		return zipped(chunk)
	}
	file, err := os.CreateTemp("", "chunk-*.mp4")
	if err != nil {
		return nil, err
	}
	defer os.Remove(file.Name())
	_, err = file.Write(chunk)
	if err := errors.Join(err, file.Close()); err != nil {
		return nil, err
	}
	return filmed(ctx, file.Name())
}

func zipped(chunk []byte) ([]int, error) {
	pictures, err := zip.NewReader(bytes.NewReader(chunk), int64(len(chunk)))
	if err != nil {
		return nil, err
	}
	numbers := make([]int, len(pictures.File))
	for i, f := range pictures.File {
		if want := fmt.Sprintf("%06d.jpeg", i); f.Name != want || f.Method != zip.Store {
			return nil, fmt.Errorf("entry %d is %s, compressed by method %d, want %s, stored", i, f.Name, f.Method, want)
		}
		if numbers[i], err = readEntry(f); err != nil {
			return nil, fmt.Errorf("%s: %w", f.Name, err)
		}
	}
	return numbers, nil
}

func readEntry(f *zip.File) (int, error) {
	r, err := f.Open()
	if err != nil {
		return 0, err
	}
	defer r.Close()
	m, err := jpeg.Decode(r)
	if err != nil {
		return 0, err
	}
	if _, err := io.Copy(io.Discard, r); err != nil { // the checksum is compared at the end
		return 0, err
	}
	return barcode.Read(m)
}

func filmed(ctx context.Context, path string) ([]int, error) {
	var complaint bytes.Buffer
	cmd := exec.CommandContext(ctx, "ffmpeg", "-v", "error", "-xerror", "-i", path,
		"-fps_mode", "passthrough", "-pix_fmt", "gray", "-c:v", "pgm", "-f", "image2pipe", "-")
	cmd.Stderr = &complaint
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("decode a chunk: %w: %s", err, complaint.String())
	}
	var numbers []int
	r := bufio.NewReader(bytes.NewReader(out))
	for {
		n, err := readGrey(r)
		if err == io.EOF {
			return numbers, nil
		}
		if err != nil {
			return nil, fmt.Errorf("frame %d: %w", len(numbers), err)
		}
		numbers = append(numbers, n)
	}
}

// readGrey reads the number in one picture of the format PGM.
func readGrey(r *bufio.Reader) (int, error) {
	if _, err := r.Peek(1); err != nil {
		return 0, err
	}
	var width, height int
	if _, err := fmt.Fscanf(r, "P5\n%d %d\n255\n", &width, &height); err != nil {
		return 0, fmt.Errorf("read a picture: %w", err)
	}
	m := image.NewGray(image.Rect(0, 0, width, height))
	if _, err := io.ReadFull(r, m.Pix); err != nil {
		return 0, fmt.Errorf("read a picture of %d×%d: %w", width, height, err)
	}
	return barcode.Read(m)
}
