package badinput_test

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// tryPieces begins files that come in pieces, and sends pieces, as no client
// should.
func tryPieces(t *testing.T, b *bench) {
	named := func(name string) string { return "filename " + base64.StdEncoding.EncodeToString([]byte(name)) }
	begin := func(name string, status int, code string, header map[string]string) refusal {
		return refusal{name: name, status: status, code: code,
			call: call{method: http.MethodPost, path: "/api/tasks/{fresh}/data/", header: header}}
	}
	length := func(length string) refusal {
		return begin("length "+length, 400, "invalid", map[string]string{"Upload-Length": length, "Upload-Metadata": named("a.mp4")})
	}
	all := []refusal{
		length(""), length("abc"), length("-1"), length("1.5"), length("0x10"), length("9223372036854775808"),
		begin("no length", 400, "invalid", map[string]string{"Upload-Metadata": named("a.mp4")}),
		begin("length that is told later", 400, "invalid", map[string]string{"Upload-Defer-Length": "1", "Upload-Metadata": named("a.mp4")}),
		begin("length now and later", 400, "invalid", map[string]string{"Upload-Length": "5", "Upload-Defer-Length": "1", "Upload-Metadata": named("a.mp4")}),
		begin("25 GiB and a byte", 413, "too_large", map[string]string{"Upload-Length": "26843545601", "Upload-Metadata": named("a.mp4")}),
		begin("2^63 - 1 bytes", 413, "too_large", map[string]string{"Upload-Length": "9223372036854775807", "Upload-Metadata": named("a.mp4")}),
		begin("no name", 400, "invalid", map[string]string{"Upload-Length": "5"}),
		begin("name that is not base64", 400, "invalid", map[string]string{"Upload-Length": "5", "Upload-Metadata": "filename ?"}),
		begin("metadata of 100 kB", 413, "too_large", map[string]string{"Upload-Length": "5", "Upload-Metadata": named(strings.Repeat("x", 75_000))}),
		begin("other version", 412, "tus_version", map[string]string{"Upload-Length": "5", "Upload-Metadata": named("a.mp4"), "Tus-Resumable": "0.2.2"}),
	}
	for _, name := range []string{
		"", ".", "..", "../../etc/cron.d/x", `..\..\x`, "/etc/passwd", `C:\x`, `\\srv\share\x`, "%2e%2e%2fx", "a/./b", "a//b", "a/", "a\x00b",
		"a\r\nb", "a\x1fb", "a\u202egpj.mp4", "a\u2066b", "a\xffb", "\xed\xa0\x80.mp4", long(256), strings.Repeat("d/", 500) + long(100),
	} {
		r := begin(fmt.Sprintf("name %.20q", name), 400, "invalid", map[string]string{"Upload-Length": "5", "Upload-Metadata": named(name)})
		r.says = "not allowed"
		all = append(all, r)
	}
	b.refuse(t, all)
	tryOffsets(t, b)
}

// tryOffsets sends pieces of a file of ten bytes, of which four are there.
func tryOffsets(t *testing.T, b *bench) {
	task := b.fresh(t, nil)
	opened := b.send(t, call{method: http.MethodPost, path: fmt.Sprintf("/api/tasks/%d/data/", task), header: map[string]string{
		"Upload-Length": "10", "Upload-Metadata": "filename " + base64.StdEncoding.EncodeToString([]byte("day 1/a.mp4")),
	}})
	b.judge(t, refusal{status: 201}, opened)
	upload := strings.TrimPrefix(opened.header.Get("Location"), b.URL)
	const kind = "application/offset+octet-stream"
	piece := func(name, kind, offset, body string, status int, code string) refusal {
		return refusal{name: name, status: status, code: code, call: call{method: http.MethodPatch, path: upload, kind: kind,
			header: map[string]string{"Upload-Offset": offset}, body: []byte(body)}}
	}
	at := func(method, path, as string, status int, code string) refusal {
		return refusal{name: method + " of " + path, status: status, code: code, call: call{method: method, path: path, as: as, kind: kind,
			header: map[string]string{"Upload-Offset": "4"}}}
	}
	others := strings.Replace(upload, "/data/", "/data/9", 1)
	b.refuse(t, []refusal{
		piece("the first piece", kind, "0", "0123", 204, ""),
		piece("piece behind", kind, "3", "3", 409, "conflict"),
		piece("piece ahead", kind, "5", "5", 409, "conflict"),
		piece("negative offset", kind, "-4", "4", 400, "invalid"),
		piece("offset that is a word", kind, "four", "4", 400, "invalid"),
		piece("offset beyond 2^63", kind, "9223372036854775808", "4", 400, "invalid"),
		piece("no offset", kind, "", "4", 400, "invalid"),
		piece("piece over the end", kind, "4", "456789x", 413, "too_large"),
		piece("piece as JSON", asJSON, "4", "4", 415, "unsupported_body"),
		piece("piece of no type", "", "4", "4", 415, "unsupported_body"),
		at(http.MethodPatch, upload, nobody, 401, "unauthenticated"),
		at(http.MethodPatch, upload, stranger, 403, "forbidden"),
		at(http.MethodHead, upload, stranger, 403, "forbidden"),
		at(http.MethodPatch, others, "", 403, "forbidden"),
		at(http.MethodPatch, upload[:len(upload)-1]+"x", "", 404, "not_found"),
		at(http.MethodPatch, upload+"%00", "", 400, "invalid"),
		at(http.MethodPatch, fmt.Sprintf("/api/tasks/%d/data/1_..%%2f..%%2fx", task), "", 404, "not_found"),
		at(http.MethodPut, upload, "", 405, "method_not_allowed"),
	})
	a := b.send(t, call{method: http.MethodHead, path: upload})
	b.ledger.add(t, "four bytes, as before", a.header.Get("Upload-Offset"), a.status == 200 && a.header.Get("Upload-Offset") == "4", "")
	seen := b.atOnce(t, 100, func(int) call { return piece("", kind, "4", "456789", 0, "").call })
	b.ledger.add(t, "204 once, else 409 or 404", fmt.Sprint(seen), seen[204] == 1 && seen[409]+seen[404] == 99, "the last piece, 100 times at once")
	uploads, err := b.db.Uploads(t.Context(), task, -1, 2)
	if err != nil || len(uploads) != 1 || uploads[0].Name != "day 1/a.mp4" || uploads[0].Length != 10 {
		t.Errorf("the task has the uploads %v, %v; want the one file", uploads, err)
	}
}
