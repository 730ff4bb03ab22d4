package client

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// Error is a call that the server refused.
type Error struct {
	Status     int           // of HTTP
	Code       string        // the stable code of X-Error-Code, "" if there is none
	Text       string        // a sentence for people, safe to print
	RequestID  string        // finds the call in the server's log
	RetryAfter time.Duration // when to come back, 0 if the server did not say
}

// Error implements error.
func (e *Error) Error() string {
	if e.Code == "" {
		return fmt.Sprintf("%s (status %d)", e.Text, e.Status)
	}
	return fmt.Sprintf("%s (status %d, %s)", e.Text, e.Status, e.Code)
}

// refusal makes an *Error of an answer.
func refusal(resp *http.Response) *Error {
	body, _ := io.ReadAll(io.LimitReader(resp.Body, maxRefuse)) // what came of it is enough
	seconds, _ := strconv.Atoi(resp.Header.Get("Retry-After"))
	text := sentence(body)
	if text == "" {
		text = "the server answered: " + strings.ToLower(http.StatusText(resp.StatusCode))
	}
	return &Error{
		Status:     resp.StatusCode,
		Code:       printable(resp.Header.Get("X-Error-Code")),
		Text:       text,
		RequestID:  printable(resp.Header.Get("X-Request-Id")),
		RetryAfter: time.Duration(max(0, min(seconds, 3600))) * time.Second,
	}
}

const (
	maxSentence = 1000 // bytes
	maxNesting  = 4
)

// sentence turns the body of an error into one line, "" if it has no text. The
// contract knows {"detail": text}, [texts] and {field: [texts]}, nested.
func sentence(body []byte) string {
	var v any
	if json.Unmarshal(body, &v) != nil {
		return "" // an error page of a proxy
	}
	s := printable(flatten(v, 0))
	if len(s) > maxSentence {
		s = strings.ToValidUTF8(s[:maxSentence], "") + "…"
	}
	return s
}

func flatten(v any, depth int) string {
	if depth > maxNesting {
		return "…"
	}
	var parts []string
	switch v := v.(type) {
	case string:
		return v
	case []any:
		for _, e := range v {
			parts = append(parts, flatten(e, depth+1))
		}
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			text := flatten(v[name], depth+1)
			if name != "detail" && name != "non_field_errors" {
				text = name + ": " + text
			}
			parts = append(parts, text)
		}
	case nil:
	default:
		return fmt.Sprint(v)
	}
	return strings.Join(parts, "; ")
}

// printable replaces what would move a terminal's cursor or colour its text:
// servers repeat names that strangers gave to files.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '\uFFFD'
	}, s)
}
