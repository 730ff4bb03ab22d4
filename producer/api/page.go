package api

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	"framemill/pipeline"
)

const (
	defaultPageSize = 10
	// maxPageSize bounds an answer, "all" included: what is beyond it is on the
	// next page.
	maxPageSize = 10_000
	maxPage     = 1 << 31
)

// pageQuery is the part of a list that a client asks for.
type pageQuery struct {
	page int64 // from 1
	size int64
}

// readPage reads page and page_size.
func readPage(r *http.Request) (pageQuery, error) {
	q := r.URL.Query()
	p := pageQuery{page: 1, size: defaultPageSize}
	if s := q.Get("page"); s != "" {
		n, err := strconv.ParseInt(s, 10, 64)
		if err != nil || n < 1 || n > maxPage {
			return p, errNoPage()
		}
		p.page = n
	}
	if s := q.Get("page_size"); s == "all" {
		p.size = maxPageSize
	} else if n, err := strconv.ParseInt(s, 10, 64); err == nil && n > 0 {
		p.size = min(n, maxPageSize)
	}
	return p, nil
}

func errNoPage() error { return pipeline.Errorf(pipeline.NotFound, "Invalid page.") }

func (p pageQuery) limit() int64  { return p.size }
func (p pageQuery) offset() int64 { return (p.page - 1) * p.size }

// page is the envelope of every list.
type page[T any] struct {
	Count    int64   `json:"count"`
	Next     *string `json:"next"`
	Previous *string `json:"previous"`
	Results  []T     `json:"results"`
}

// writePage answers with one page of a list of count objects.
func writePage[T any](w http.ResponseWriter, r *http.Request, p pageQuery, count int64, results []T) error {
	if p.page > 1 && p.offset() >= count {
		return errNoPage()
	}
	if results == nil {
		results = []T{} // clients refuse null
	}
	out := page[T]{Count: count, Results: results}
	if p.page*p.size < count {
		out.Next = p.link(r, p.page+1)
	}
	if p.page > 1 {
		out.Previous = p.link(r, p.page-1)
	}
	return writeJSON(w, http.StatusOK, out)
}

// link returns the absolute address of another page of the same list.
func (p pageQuery) link(r *http.Request, number int64) *string {
	q := r.URL.Query()
	q.Set("page", strconv.FormatInt(number, 10))
	if number == 1 {
		q.Del("page")
	}
	u := url.URL{Scheme: schemeOf(r), Host: r.Host, Path: r.URL.Path, RawQuery: q.Encode()}
	s := u.String()
	return &s
}

// address returns the absolute URL of a path of this server, as the client
// reached it.
func address(r *http.Request, format string, args ...any) string {
	return schemeOf(r) + "://" + r.Host + fmt.Sprintf(format, args...)
}

// schemeOf believes a proxy that says it ended TLS: the answer goes only to
// whoever sent the header.
func schemeOf(r *http.Request) string {
	if r.TLS != nil || r.Header.Get("X-Forwarded-Proto") == "https" {
		return "https"
	}
	return "http"
}
