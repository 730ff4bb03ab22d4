package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"framemill/pipeline"
)

const (
	// maxJSONBytes bounds the body of every request but uploads.
	maxJSONBytes = 10 << 20
	// The shape of a body is bounded too, far beyond what any of the contract
	// needs: a short text must not become a large tree.
	maxJSONDepth  = 64
	maxJSONNodes  = 100_000 // objects and lists
	maxJSONFields = 1000    // of the outermost object
	jsonType      = "application/vnd.cvat+json"
)

// writeJSON answers with v. The length is always given: a client behind a
// simple proxy breaks on a chunked answer.
func writeJSON(w http.ResponseWriter, status int, v any) error {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false) // a name is returned as it was sent
	if err := enc.Encode(v); err != nil {
		return err
	}
	body := bytes.TrimSuffix(buf.Bytes(), []byte("\n"))
	w.Header().Set("Content-Type", jsonType)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, err := w.Write(body)
	return err
}

// noContent answers 204.
func noContent(w http.ResponseWriter) error {
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// decode reads the JSON object of a request into the flat struct that dst points
// to, by its json tags. An empty body is an empty object, and fields that dst
// does not have are ignored, as clients expect. Errors name the field.
func decode(r *http.Request, dst any) error {
	fields, err := readObject(r)
	if err != nil {
		return err
	}
	return fields.into(dst)
}

// decodePatch is decode for PATCH: a field that dst does not have is refused.
func decodePatch(r *http.Request, dst any) error {
	fields, err := readObject(r)
	if err != nil {
		return err
	}
	known := jsonNames(reflect.TypeOf(dst).Elem())
	for name := range fields {
		if !slices.Contains(known, name) {
			e := pipeline.FieldErrorf(name, "Attempted to update an unknown field: %s", strconv.Quote(name))
			e.Kind, e.Code = pipeline.Forbidden, pipeline.CodeForbidden
			return e
		}
	}
	return fields.into(dst)
}

// object is a JSON object whose fields are not decoded yet.
type object map[string]json.RawMessage

func readObject(r *http.Request) (object, error) {
	body, err := readBody(r)
	if err != nil {
		return nil, err
	}
	if len(body) == 0 {
		return object{}, nil
	}
	var o object
	if err := json.Unmarshal(body, &o); err != nil || o == nil {
		return nil, pipeline.FieldErrorf("non_field_errors", "the body must be a JSON object")
	}
	return o, nil
}

// readBody returns the JSON text of a request, checked for its syntax, its
// depth and for the one character that the database cannot keep.
func readBody(r *http.Request) ([]byte, error) {
	if err := checkJSONType(r.Header.Get("Content-Type")); err != nil {
		return nil, err
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	body = bytes.TrimSpace(body)
	if len(body) == 0 {
		return nil, nil
	}
	return body, checkJSON(body)
}

func checkJSONType(contentType string) error {
	if contentType == "" {
		return nil
	}
	t, _, err := mime.ParseMediaType(contentType)
	if err == nil && (t == "application/json" || strings.HasSuffix(t, "+json")) {
		return nil
	}
	return pipeline.Errorf(pipeline.Unsupported, "send the body as application/json")
}

// checkJSON walks the tokens of a text without keeping them.
func checkJSON(body []byte) error {
	var w jsonWalk
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber()
	for {
		token, err := dec.Token()
		switch {
		case errors.Is(err, io.EOF) && w.depth == 0:
			return nil
		case err != nil:
			return pipeline.FieldErrorf("detail", "the body is not valid JSON")
		}
		if err := w.step(token); err != nil {
			return err
		}
	}
}

// jsonWalk is how far checkJSON has come.
type jsonWalk struct {
	depth, nodes int
	outer        int // tokens directly in the outermost object or list
}

func (w *jsonWalk) step(token json.Token) error {
	if w.depth == 1 {
		w.outer++
	}
	switch v := token.(type) {
	case json.Delim:
		if v == '}' || v == ']' {
			w.depth--
		} else {
			w.depth++
			w.nodes++
		}
	case string:
		if strings.ContainsRune(v, 0) {
			return pipeline.FieldErrorf("detail", "Null characters are not allowed.")
		}
	}
	switch {
	case w.depth > maxJSONDepth:
		return pipeline.FieldErrorf("detail", "the body is nested deeper than %d levels", maxJSONDepth)
	case w.nodes > maxJSONNodes:
		return pipeline.FieldErrorf("detail", "the body has more than %d objects and lists", maxJSONNodes)
	case w.outer > 2*maxJSONFields+1: // a name and a value each, and the end
		return pipeline.FieldErrorf("detail", "the body has more than %d fields", maxJSONFields)
	}
	return nil
}

// into decodes each field on its own, so that an error can name it.
func (o object) into(dst any) error {
	v := reflect.ValueOf(dst).Elem()
	for i := range v.NumField() {
		name := jsonName(v.Type().Field(i))
		raw, ok := o[name]
		if !ok {
			continue
		}
		if string(raw) == "null" && !nullable(v.Field(i)) {
			return pipeline.FieldErrorf(name, "This field may not be null.")
		}
		if err := json.Unmarshal(raw, v.Field(i).Addr().Interface()); err != nil {
			return fieldError(name, err)
		}
	}
	return nil
}

// fieldError keeps what a decoder of ours says, and hides what encoding/json
// says of Go types.
func fieldError(name string, err error) error {
	if e, ok := errors.AsType[*pipeline.Error](err); ok {
		return pipeline.FieldErrorf(name, "%s", e.Text)
	}
	text := "Not a valid value."
	if e, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		text = "Not a valid value: a JSON " + e.Value + " is not expected here."
	}
	return pipeline.FieldErrorf(name, "%s", text)
}

func nullable(v reflect.Value) bool {
	if _, ok := v.Addr().Interface().(json.Unmarshaler); ok {
		return true // it decides for itself
	}
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		return true
	}
	return false
}

func jsonNames(t reflect.Type) []string {
	names := make([]string, t.NumField())
	for i := range names {
		names[i] = jsonName(t.Field(i))
	}
	return names
}

func jsonName(f reflect.StructField) string {
	name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	return name
}
