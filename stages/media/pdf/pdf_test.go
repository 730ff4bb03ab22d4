package pdf_test

import (
	"image/color"
	"image/jpeg"
	"math"
	"os"
	"path/filepath"
	"testing"

	"framemill/pipeline"
	"framemill/stages/media/pdf"
	"framemill/stages/media/sandbox"
	"framemill/tests/pack"
)

// TestMain is also the helper's main.
func TestMain(m *testing.M) {
	sandbox.Helper()
	os.Exit(m.Run())
}

func write(t *testing.T, content []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "document")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestPagesAreDrawnInOrder(t *testing.T) {
	t.Parallel()
	path := write(t, pack.PDF(9, 72))
	o, err := pdf.Read(t.Context(), path, nil)
	if err != nil || o.Pages != 9 || len(o.TooLarge) > 0 {
		t.Fatalf("the document is %+v, %v; want 9 pages", o, err)
	}
	drawn, err := pdf.Draw(t.Context(), path, t.TempDir(), 3, 7, nil)
	if err != nil || len(drawn) != 5 {
		t.Fatalf("%d pages were drawn, %v; want 5", len(drawn), err)
	}
	for i, file := range drawn {
		f, err := os.Open(file)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		m, err := jpeg.Decode(f)
		if err != nil {
			t.Fatalf("page %d: %v", 3+i, err)
		}
		grey, _ := color.GrayModel.Convert(m.At(50, 150)).(color.Gray)
		want := 255 * (1 - float64(3+i)/10)
		if size := m.Bounds().Size(); size.X != 200 || size.Y != 200 || math.Abs(float64(grey.Y)-want) > 4 {
			t.Errorf("page %d is %v with a square of level %d, want 200×200 with %.0f", 3+i, size, grey.Y, want)
		}
	}
}

func TestBadDocuments(t *testing.T) {
	t.Parallel()
	good := pack.PDF(1, 72)
	for name, tt := range map[string]struct {
		content []byte
		code    pipeline.Code
	}{
		"no document": {[]byte("%PDF-1.4\nnot really"), pipeline.CodeDecodeFailed},
		"cut":         {good[:60], pipeline.CodeDecodeFailed},
		"encrypted":   {pack.LockedPDF(), pipeline.CodeEncrypted},
	} {
		if _, err := pdf.Read(t.Context(), write(t, tt.content), nil); pipeline.CodeOf(err) != tt.code {
			t.Errorf("%s: %v, want the code %s", name, err, tt.code)
		}
	}
	large, err := pdf.Read(t.Context(), write(t, pack.PDF(2, 14_400)), nil)
	if err != nil || large.Pages != 2 || !large.TooLarge[1] || !large.TooLarge[2] {
		t.Errorf("a document of pages of 5 m to a side is %+v, %v; want both too large", large, err)
	}
	if _, err := pdf.Read(t.Context(), write(t, pack.PDF(pdf.MaxPages+1, 72)), nil); pipeline.CodeOf(err) != pipeline.CodeArchiveLimits {
		t.Errorf("a document of too many pages: %v, want archive_limits", err)
	}
}
