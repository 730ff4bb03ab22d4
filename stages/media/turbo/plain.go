//go:build !cgo

package turbo

import (
	"errors"

	"framemill/stages/media/decoder"
)

var errPlain = errors.New("this program was built without libjpeg-turbo: build it with CGO_ENABLED=1")

// Library names the library that JPEGs are made with: without C there is none.
func Library() (string, error) { return "", errPlain }

// Encoder makes JPEGs of the frames of one film.
type Encoder struct{}

// NewEncoder is always an error: without C there is no encoder.
func NewEncoder(decoder.Job) (*Encoder, error) { return nil, errPlain }

// Close frees the encoder.
func (e *Encoder) Close() {}

// Encode returns a raw frame as a JPEG, which is valid until the next call.
func (e *Encoder) Encode([]byte) ([]byte, error) { return nil, errPlain }
