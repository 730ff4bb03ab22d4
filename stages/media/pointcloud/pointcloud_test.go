package pointcloud_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"image/jpeg"
	"strings"
	"testing"

	"framemill/pipeline"
	"framemill/stages/media/pointcloud"
)

// cloud is a header of xyz points with some data behind it.
func cloud(width, height int64, data, content string) string {
	return fmt.Sprintf("# .PCD v0.7\nVERSION 0.7\nFIELDS x y z\nSIZE 4 4 4\nTYPE F F F\nCOUNT 1 1 1\nWIDTH %d\nHEIGHT %d\n"+
		"VIEWPOINT 0 0 0 1 0 0 0\nPOINTS %d\nDATA %s\n%s", width, height, width*height, data, content)
}

func lengths(packed, whole uint32) string {
	return string(binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint32(nil, packed), whole))
}

func TestProbe(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, file string
		want       pointcloud.Info
		code       pipeline.Code
	}{
		{"ascii", cloud(2, 1, "ascii", "1 2 3\n4 5 6"), pointcloud.Info{Width: 2, Height: 1}, ""},
		{"binary", cloud(3, 2, "binary", strings.Repeat("x", 72)), pointcloud.Info{Width: 3, Height: 2}, ""},
		{"compressed", cloud(3, 2, "binary_compressed", lengths(5, 72)+"12345"), pointcloud.Info{Width: 3, Height: 2}, ""},
		{"an old one", "VERSION .5\nCOLUMNS x\nSIZE 4\nTYPE F\nWIDTH 1\nHEIGHT 1\nDATA ascii\n1", pointcloud.Info{Width: 1, Height: 1}, ""},
		{"lines of Windows", strings.ReplaceAll(cloud(1, 1, "ascii", "1 2 3"), "\n", "\r\n"), pointcloud.Info{Width: 1, Height: 1}, ""},
		{"empty", "", pointcloud.Info{}, pipeline.CodeEmptyFile},
		{"no points", cloud(0, 1, "ascii", ""), pointcloud.Info{}, pipeline.CodeEmptyFile},
		{"2^31 points", cloud(1<<31, 1, "binary", "x"), pointcloud.Info{}, pipeline.CodeUnsupportedFormat},
		{"2^40 points", cloud(1<<20, 1<<20, "binary", "x"), pointcloud.Info{}, pipeline.CodeUnsupportedFormat},
		{"2^30 points in a byte", cloud(1<<30, 1, "binary", "x"), pointcloud.Info{}, pipeline.CodeTruncated},
		{"2^30 points of text", cloud(1<<30, 1, "ascii", "1 2 3"), pointcloud.Info{}, pipeline.CodeTruncated},
		{"2^28 points in a packed byte", cloud(1<<28, 1, "binary_compressed", lengths(1, 3<<30)+"x"), pointcloud.Info{}, pipeline.CodeUnsupportedFormat},
		{"cut", cloud(3, 2, "binary", strings.Repeat("x", 71)), pointcloud.Info{}, pipeline.CodeTruncated},
		{"cut in the lengths", cloud(3, 2, "binary_compressed", "1234"), pointcloud.Info{}, pipeline.CodeTruncated},
		{"cut in the header", cloud(3, 2, "binary", "")[:60], pointcloud.Info{}, pipeline.CodeUnsupportedFormat},
		{"another version", strings.Replace(cloud(1, 1, "ascii", "1 2 3"), "0.7\nF", "0.8\nF", 1), pointcloud.Info{}, pipeline.CodeUnsupportedFormat},
		{"unknown data", cloud(1, 1, "morse", "1 2 3"), pointcloud.Info{}, pipeline.CodeUnsupportedFormat},
		{"a minus", cloud(-1, -1, "binary", "x"), pointcloud.Info{}, pipeline.CodeUnsupportedFormat},
		{"sizes of nothing", strings.Replace(cloud(1, 1, "binary", "x"), "4 4 4", "0 0 0", 1), pointcloud.Info{}, pipeline.CodeUnsupportedFormat},
		{"a picture", "\xff\xd8\xff\xe0\x00\x10JFIF\n", pointcloud.Info{}, pipeline.CodeUnsupportedFormat},
		{"one long line", "# " + strings.Repeat("x", 1<<20), pointcloud.Info{}, pipeline.CodeUnsupportedFormat},
	}
	for _, tt := range tests {
		got, err := pointcloud.Probe(strings.NewReader(tt.file), int64(len(tt.file)))
		if tt.code == "" && (err != nil || got != tt.want) {
			t.Errorf("%s: %+v, %v; want %+v", tt.name, got, err, tt.want)
		}
		if tt.code != "" && (err == nil || pipeline.CodeOf(err) != tt.code) {
			t.Errorf("%s: %+v, %v; want the code %s", tt.name, got, err, tt.code)
		}
	}
}

func TestPreview(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	if err := pointcloud.Preview(&b, 256); err != nil {
		t.Fatal(err)
	}
	m, err := jpeg.Decode(&b)
	if err != nil || m.Bounds().Dx() != 256 || m.Bounds().Dy() != 256 {
		t.Errorf("the preview is %v (%v), want 256×256", m.Bounds(), err)
	}
}

func FuzzProbe(f *testing.F) {
	f.Add([]byte(cloud(3, 2, "binary_compressed", lengths(5, 72)+"12345")))
	f.Fuzz(func(t *testing.T, file []byte) {
		got, err := pointcloud.Probe(bytes.NewReader(file), int64(len(file)))
		if err == nil && got.Width*got.Height > int64(len(file))*88 {
			t.Errorf("%+v of %d bytes", got, len(file))
		}
	})
}
