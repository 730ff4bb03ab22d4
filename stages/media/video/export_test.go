package video

import (
	"image/jpeg"
	"io"
)

// EncodeJPEG writes a frame as a JPEG by another encoder than that of JPEGs. It
// converts the frame in place.
func EncodeJPEG(w io.Writer, f *Frame, quality int) error {
	f.normalise()
	return jpeg.Encode(w, f.Image, &jpeg.Options{Quality: quality})
}
