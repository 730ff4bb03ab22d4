package badinput_test

import (
	"bytes"
	"net/http"
	"strings"
	"testing"
)

// tryBodies sends bodies that cannot be read.
func tryBodies(t *testing.T, b *bench) {
	whole := upload(quality, file{"1.jpg", photo(1)})
	with := func(change func(c *call)) call {
		c := whole
		change(&c)
		return c
	}
	body := func(text string) call { return with(func(c *call) { c.body = []byte(text) }) }
	const head = "--" + boundary + "\r\nContent-Disposition: form-data; name=\"client_files[0]\"; filename=\"1.jpg\"\r\n\r\n"
	bad := func(name string, c call, says string) refusal {
		return refusal{name: name, call: c, status: 400, code: "invalid", says: says}
	}
	b.refuse(t, []refusal{
		bad("no boundary", with(func(c *call) { c.kind = "multipart/form-data" }), "boundary"),
		bad("boundary of 1,000 characters", with(func(c *call) { c.kind += strings.Repeat("x", 1000) }), "boundary"),
		bad("another boundary", with(func(c *call) { c.kind = "multipart/form-data; boundary=other" }), "ends early"),
		bad("no closing boundary", with(func(c *call) { c.body = bytes.TrimSuffix(c.body, []byte("--"+boundary+"--\r\n")) }), "ends early"),
		bad("cut in a file", body(head+"content"), "ends early"),
		bad("cut in a header", body(head[:60]), "ends early"),
		bad("nothing", body(""), "ends early"),
		bad("part header of 10 MB", body("--"+boundary+"\r\nX-Long: "+strings.Repeat("x", 10<<20)+"\r\n\r\n"), "headers"),
		bad("preamble of 10 MB", body(strings.Repeat("x\r\n", 3<<20)), "headers"),
		bad("part without a name", body("--"+boundary+"\r\n\r\nx\r\n--"+boundary+"--\r\n"), "Content-Disposition"),
		bad("file in another field", upload(quality+"&x=1", file{"1.jpg", photo(1)}).swap("client_files[0]", "picture"), "picture"),
		bad("file under a text index", upload(quality, file{"1.jpg", photo(1)}).swap("client_files[0]", "client_files[a]"), "client_files"),
		bad("file under a negative index", upload(quality, file{"1.jpg", photo(1)}).swap("client_files[0]", "client_files[-1]"), "client_files"),
		bad("files that are text", upload(quality+"&client_files[0]=x"), "client_files"),
		bad("field with a deep name", upload(quality+"&a[0][0][0][0][0][0]=x"), "malformed"),
		bad("field with half a bracket", upload(quality+"&a[=x"), "malformed"),
		{name: "form-encoded", call: with(func(c *call) { c.kind, c.body = asForm, []byte("image_quality=70") }), status: 415, code: "unsupported_body"},
		{name: "plain text", call: with(func(c *call) { c.kind = "text/plain" }), status: 415, code: "unsupported_body"},
		{name: "multipart/mixed", call: with(func(c *call) { c.kind = "multipart/mixed; boundary=" + boundary }), status: 415, code: "unsupported_body"},
		{name: "content type that is none", call: with(func(c *call) { c.kind = ";;" }), status: 415, code: "unsupported_body"},
		{name: "in pieces of a nameless file", call: with(func(c *call) { c.header = map[string]string{"Upload-Length": "10"}; c.body = nil; c.kind = "" }), status: 400, code: "invalid"},
		{name: "form-encoded task", call: call{method: http.MethodPost, path: "/api/tasks", kind: asForm, body: []byte("name=x")}, status: 415, code: "unsupported_body"},
		{name: "form-encoded login", call: call{method: http.MethodPost, path: "/api/auth/login", kind: asForm, body: []byte("username=x"), as: nobody}, status: 415, code: "unsupported_body"},
		{name: "multipart task", call: call{method: http.MethodPost, path: "/api/tasks", kind: "multipart/form-data; boundary=x", body: []byte("--x--")}, status: 415, code: "unsupported_body"},
	})
	b.refuse(t, []refusal{
		{name: "100,001 parts", call: upload(strings.Repeat("x=1&", 100_001) + quality), status: 413, code: "too_large", says: "parts"},
		{name: "33 MiB of text", call: upload(quality + "&x=" + strings.Repeat("y", 33<<20)), status: 413, code: "too_large", says: "fields"},
		bad("a text that is no text", upload(quality+"&frame_filter=step=2\x00"), "frame_filter"),
		bad("numbers that are none", upload("image_quality=seventy"), "image_quality"),
		bad("a mapping with a hole", upload(quality+"&job_file_mapping[0]=a.jpg&job_file_mapping[1][0]=a.jpg"), "job_file_mapping"),
	})
	tryJSON(t, b)
	nested := "--" + boundary + "\r\nContent-Disposition: form-data; name=\"x\"\r\nContent-Type: multipart/mixed; boundary=inner\r\n\r\n" +
		"--inner\r\nContent-Disposition: attachment; filename=\"../../evil.jpg\"\r\n\r\nx\r\n--inner--\r\n"
	b.accepts(t, "nested multipart is one text field", with(func(c *call) { c.body = append([]byte(nested), c.body...) }))
	b.accepts(t, "client_files[999999999]", whole.swap("client_files[0]", "client_files[999999999]"))
}

// swap replaces text of the body.
func (c call) swap(old, with string) call {
	c.body = bytes.Replace(c.body, []byte(old), []byte(with), 1)
	return c
}

// accepts makes an upload that looks odd and is in order.
func (b *bench) accepts(t *testing.T, name string, c call) {
	t.Run(name, func(t *testing.T) {
		var task int64
		c.path, task = b.at(t, c.path, nil)
		a := b.send(t, c)
		b.judge(t, refusal{status: http.StatusAccepted}, a)
		if got := b.ended(t, task); got.Status != "finished" || got.Counts.Frames != 1 {
			t.Errorf("the request ended %s with %d frames, want finished with 1: %s", got.Status, got.Counts.Frames, got.Message)
		}
	})
}

// tryJSON sends texts that are no JSON, or too much of it.
func tryJSON(t *testing.T, b *bench) {
	for _, to := range []struct{ name, path string }{{"data", "/api/tasks/{fresh}/data"}, {"task", "/api/tasks"}} {
		bad := func(name, text, says string) refusal {
			return refusal{name: name + " as " + to.name, status: 400, code: "invalid", says: says,
				call: call{method: http.MethodPost, path: to.path, kind: asJSON, body: []byte(text)}}
		}
		all := []refusal{
			bad("half an object", `{"image_quality":70`, ""),
			bad("list", `[]`, ""),
			bad("number", `7`, ""),
			bad("null", `null`, ""),
			bad("word", `nothing`, ""),
			bad("NaN", `{"image_quality":NaN}`, ""),
			bad("two objects", `{"image_quality":70}{}`, ""),
			bad("byte order mark", "\xef\xbb\xbf{}", ""),
			bad("UTF-16", "\xff\xfe{\x00}\x00", ""),
			bad("comment", `{/* */}`, ""),
			bad("depth of 10,001", `{"x":`+strings.Repeat("[", 10_001)+strings.Repeat("]", 10_001)+`}`, "deeper"),
			bad("depth of 9,999", `{"x":`+strings.Repeat("[", 9_999)+strings.Repeat("]", 9_999)+`}`, "deeper"),
			bad("100,000 open brackets", strings.Repeat("[", 100_000), ""),
		}
		b.refuse(t, all)
	}
	big := `{"name":"` + strings.Repeat("x", 11<<20) + `"}`
	b.refuse(t, []refusal{
		{name: "11 MiB of JSON", call: call{method: http.MethodPost, path: "/api/tasks", kind: asJSON, body: []byte(big)}, status: 413, code: "too_large"},
		{name: "101 MiB of JSON", call: post(strings.Repeat(" ", 101<<20)), status: 413, code: "too_large"},
	})
}
