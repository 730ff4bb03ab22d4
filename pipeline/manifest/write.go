package manifest

import (
	"encoding/json"
	"io"
	"path"
	"strings"
)

// Writer writes a manifest of pictures. It writes each line at once.
type Writer struct{ enc *json.Encoder }

// item is a picture as it is written, its fields in the order of the contract.
type item struct {
	Name      string `json:"name"`
	Extension string `json:"extension"`
	Width     int64  `json:"width"`
	Height    int64  `json:"height"`
	Meta      meta   `json:"meta"`
}

type meta struct {
	Related []string `json:"related_images"`
}

// NewWriter begins a manifest of pictures.
func NewWriter(w io.Writer) (*Writer, error) {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(header{Version}); err != nil {
		return nil, err
	}
	return &Writer{enc}, enc.Encode(kind{Images})
}

// Add adds a picture.
func (w *Writer) Add(i Image) error {
	ext := path.Ext(i.Name)
	return w.enc.Encode(item{
		Name: strings.TrimSuffix(i.Name, ext), Extension: ext, Width: i.Width, Height: i.Height, Meta: meta{[]string{}},
	})
}
