package badinput_test

import (
	"bytes"
	"fmt"
	"strings"
)

// file is one file to upload.
type file struct {
	name    string
	content []byte
}

// boundary separates the parts of every form.
const boundary = "4f1c7e2ab90d"

// quality is the one field that every data request has.
const quality = "image_quality=70"

// form returns a multipart body. Fields are name=value, joined by &, and names
// go out exactly as they are, unlike those of package mime/multipart.
func form(fields string, files ...file) (kind string, body []byte) {
	var b bytes.Buffer
	for pair := range strings.SplitSeq(fields, "&") {
		name, value, _ := strings.Cut(pair, "=")
		part(&b, fmt.Sprintf(`name="%s"`, name), []byte(value))
	}
	for i, f := range files {
		part(&b, fmt.Sprintf(`name="client_files[%d]"; filename="%s"`, i, escape(f.name)), f.content)
	}
	fmt.Fprintf(&b, "--%s--\r\n", boundary)
	return "multipart/form-data; boundary=" + boundary, b.Bytes()
}

func part(b *bytes.Buffer, disposition string, content []byte) {
	fmt.Fprintf(b, "--%s\r\nContent-Disposition: form-data; %s\r\n\r\n", boundary, disposition)
	b.Write(content)
	b.WriteString("\r\n")
}

// escape is what browsers and libraries do to a file name in a header.
func escape(name string) string { return strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(name) }
