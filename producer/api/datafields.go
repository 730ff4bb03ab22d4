package api

import (
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"framemill/pipeline"
)

// The fields of a data request arrive as one JSON document, which may list a
// million files: it is decoded token by token. The values of multipart bodies
// are all text, so that numbers and truth values are accepted as text, too.

const (
	maxListed     = 2_000_000 // names in one list
	maxNameLength = 1024      // characters
)

// fieldReader reads the value of one field.
type fieldReader func(dec *json.Decoder) error

// readFields reads a JSON object, field by field. Unknown ones are skipped, as
// clients expect.
func readFields(body io.Reader, fields map[string]fieldReader) error {
	dec := json.NewDecoder(body)
	dec.UseNumber()
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		if errors.Is(err, io.EOF) {
			return nil // nothing at all is an empty object
		}
		return syntaxError(err)
	}
	if err := readMembers(dec, fields); err != nil {
		return err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return syntaxError(err)
	}
	return nil
}

// readMembers reads the rest of a JSON object, whose beginning was read.
func readMembers(dec *json.Decoder, fields map[string]fieldReader) error {
	for dec.More() {
		name, err := dec.Token()
		if err != nil {
			return syntaxError(err)
		}
		read, ok := fields[name.(string)]
		if !ok {
			read = skipValue
		}
		if err := read(dec); err != nil {
			return named(name.(string), err)
		}
	}
	if _, err := dec.Token(); err != nil {
		return syntaxError(err)
	}
	return nil
}

// syntaxError is the error of a body that is not a JSON object, or that is too
// large.
func syntaxError(err error) error {
	if known, ok := errors.AsType[*pipeline.Error](err); ok {
		return known
	}
	return pipeline.FieldErrorf("detail", "the body is not a valid JSON object").Because(err)
}

// named names the field in an error that is about its value.
func named(field string, err error) error {
	known, ok := errors.AsType[*pipeline.Error](err)
	if !ok {
		return syntaxError(err)
	}
	if known.Kind != pipeline.Invalid || known.Field != "" {
		return known
	}
	return pipeline.FieldErrorf(field, "%s", known.Text)
}

func badValue(text string) error { return pipeline.Errorf(pipeline.Invalid, "%s", text) }

var (
	errNull    = badValue("This field may not be null.")
	errBlank   = badValue("This field may not be blank.")
	errInteger = badValue("A valid integer is required.")
	errBoolean = badValue("Must be a valid boolean.")
	errString  = badValue("Not a valid string.")
	errNUL     = badValue("Null characters are not allowed.")
)

// orNull reads a value that may be null, which is none.
func orNull(read fieldReader) fieldReader {
	return func(dec *json.Decoder) error {
		if err := read(dec); err != nil && !errors.Is(err, errNull) {
			return err
		}
		return nil
	}
}

// skipValue reads a value that nobody wants.
func skipValue(dec *json.Decoder) error {
	for depth := 0; ; {
		t, err := dec.Token()
		if err != nil {
			return err
		}
		if d, ok := t.(json.Delim); ok && (d == '{' || d == '[') {
			depth++
		} else if ok {
			depth--
		}
		if depth > maxJSONDepth {
			return pipeline.FieldErrorf("detail", "the body is nested deeper than %d levels", maxJSONDepth)
		}
		if depth == 0 {
			return nil
		}
	}
}

// scalar reads a value that is not a list or an object.
func scalar(dec *json.Decoder, wrong error) (json.Token, error) {
	t, err := dec.Token()
	switch {
	case err != nil:
		return nil, err
	case t == nil:
		return nil, errNull
	}
	if _, nested := t.(json.Delim); nested {
		return nil, wrong
	}
	return t, nil
}

// whole reads an integer between lo and hi. Empty text is no value.
func whole(to **int64, lo, hi int64, below string) fieldReader {
	return func(dec *json.Decoder) error {
		t, err := scalar(dec, errInteger)
		if err != nil {
			return err
		}
		var text string
		switch v := t.(type) {
		case json.Number:
			text = strings.TrimSuffix(v.String(), ".0")
		case string:
			text = strings.TrimSpace(v)
		default:
			return errInteger
		}
		if text == "" {
			return nil
		}
		n, err := strconv.ParseInt(text, 10, 64)
		switch {
		case err != nil && !errors.Is(err, strconv.ErrRange):
			return errInteger
		case n < lo:
			return badValue(below)
		case n > hi:
			return badValue("Ensure this value is less than or equal to " + strconv.FormatInt(hi, 10) + ".")
		}
		*to = &n
		return nil
	}
}

// truth reads a boolean, as any client spells it.
func truth(to *bool) fieldReader {
	return func(dec *json.Decoder) error {
		t, err := scalar(dec, errBoolean)
		if err != nil {
			return err
		}
		if v, ok := t.(bool); ok {
			*to = v
			return nil
		}
		text, ok := t.(string)
		if n, isNumber := t.(json.Number); isNumber {
			text, ok = n.String(), true
		}
		switch strings.ToLower(text) {
		case "true", "t", "yes", "y", "on", "1":
			*to = true
		case "false", "f", "no", "n", "off", "0", "":
			*to = false
		default:
			ok = false
		}
		if !ok {
			return errBoolean
		}
		return nil
	}
}

// words reads one of a few words.
func words(to *string, of ...string) fieldReader {
	return func(dec *json.Decoder) error {
		t, err := scalar(dec, errString)
		if err != nil {
			return err
		}
		s, ok := t.(string)
		if !ok || !slices.Contains(of, s) {
			return badValue(strconv.Quote(strings.ToValidUTF8(s, "")) + " is not a valid choice.")
		}
		*to = s
		return nil
	}
}

// text reads a text.
func text(to **string) fieldReader {
	return func(dec *json.Decoder) error {
		t, err := scalar(dec, errString)
		if err != nil {
			return err
		}
		s, ok := t.(string)
		switch {
		case !ok:
			return errString
		case strings.ContainsRune(s, 0):
			return errNUL
		}
		*to = &s
		return nil
	}
}

// names reads a list of names; one name alone is a list, too.
func names(to *[]string) fieldReader {
	return func(dec *json.Decoder) error {
		left := maxListed
		list, err := nameList(dec, &left)
		*to = list
		return err
	}
}

// nameLists reads a list of lists of names.
func nameLists(to *[][]string) fieldReader {
	return func(dec *json.Decoder) error {
		if t, err := dec.Token(); err != nil || t != json.Delim('[') {
			return errors.Join(err, badValue("Expected a list of lists of file names."))
		}
		left, lists := maxListed, [][]string{}
		for dec.More() {
			list, err := nameList(dec, &left)
			if err != nil {
				return err
			}
			if left--; left < 0 {
				return errTooMany()
			}
			lists = append(lists, list)
		}
		*to = lists
		_, err := dec.Token()
		return err
	}
}

func errTooMany() error {
	return pipeline.Errorf(pipeline.Invalid, "The list has more than %d names.", maxListed)
}

func nameList(dec *json.Decoder, left *int) ([]string, error) {
	t, err := dec.Token()
	if err != nil {
		return nil, err
	}
	if s, ok := t.(string); ok {
		return []string{s}, checkName(s)
	}
	if t != json.Delim('[') {
		return nil, badValue("Expected a list of file names.")
	}
	list := []string{}
	for dec.More() {
		t, err := dec.Token()
		if err != nil {
			return nil, err
		}
		s, ok := t.(string)
		if !ok {
			return nil, errString
		}
		if err := checkName(s); err != nil {
			return nil, err
		}
		if *left--; *left < 0 {
			return nil, errTooMany()
		}
		list = append(list, s)
	}
	_, err = dec.Token()
	return list, err
}

func checkName(s string) error {
	switch {
	case s == "":
		return errBlank
	case len(s) > maxNameLength && utf8.RuneCountInString(s) > maxNameLength:
		return pipeline.Errorf(pipeline.Invalid, "Ensure this field has no more than %d characters.", maxNameLength)
	case strings.ContainsRune(s, 0):
		return errNUL
	}
	return nil
}
