package pack

import (
	"bytes"
	"fmt"
	"strings"
)

// PDF is a document of blank pages of so many points, 72 to the inch, to a
// side. Page k has a square in a corner that is k tenths as dark as it can be.
func PDF(pages, side int) []byte { return document(pages, side, "") }

// LockedPDF is a document that asks for a password.
func LockedPDF() []byte {
	secret := fmt.Sprintf("<%s>", strings.Repeat("5a", 32))
	return document(1, 72, fmt.Sprintf(" /Encrypt << /Filter /Standard /V 1 /R 2 /P -4 /O %s /U %s >> /ID [<00> <00>]", secret, secret))
}

func document(pages, side int, trailer string) []byte {
	var b bytes.Buffer
	var offsets []int
	object := func(format string, args ...any) {
		offsets = append(offsets, b.Len())
		fmt.Fprintf(&b, "%d 0 obj\n%s\nendobj\n", len(offsets), fmt.Sprintf(format, args...))
	}
	b.WriteString("%PDF-1.4\n")
	var kids strings.Builder
	for k := range pages {
		fmt.Fprintf(&kids, "%d 0 R ", 3+2*k)
	}
	object("<< /Type /Catalog /Pages 2 0 R >>")
	object("<< /Type /Pages /Kids [%s] /Count %d >>", kids.String(), pages)
	for k := range pages {
		drawing := fmt.Sprintf("%.1f g 0 0 %d %d re f", 1-float64(k+1)/10, side/2, side/2)
		object("<< /Type /Page /Parent 2 0 R /MediaBox [0 0 %d %d] /Contents %d 0 R >>", side, side, 4+2*k)
		object("<< /Length %d >>\nstream\n%s\nendstream", len(drawing), drawing)
	}
	start := b.Len()
	fmt.Fprintf(&b, "xref\n0 %d\n0000000000 65535 f \n", len(offsets)+1)
	for _, at := range offsets {
		fmt.Fprintf(&b, "%010d 00000 n \n", at)
	}
	fmt.Fprintf(&b, "trailer << /Size %d /Root 1 0 R%s >>\nstartxref\n%d\n%%%%EOF\n", len(offsets)+1, trailer, start)
	return b.Bytes()
}
