package api

import (
	"encoding/xml"
	"errors"
	"io"
	"slices"
	"strings"

	"framemill/pipeline"
)

// drawn are the elements that the drawing of a skeleton may consist of.
var drawn = []string{"svg", "g", "line", "circle", "ellipse", "rect", "path", "polyline", "polygon", "text", "tspan"}

// checkDrawing refuses a drawing that is more than one: clients put it into
// their pages as it is, so that a script in it would run there for everybody
// who opens the task.
func checkDrawing(svg string) error {
	if strings.Contains(svg, "<!") || strings.Contains(svg, "<?") {
		return errDrawing("must consist of elements only")
	}
	dec := xml.NewDecoder(strings.NewReader(svg))
	for {
		token, err := dec.Token()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return errDrawing("is not well-formed XML")
		}
		start, ok := token.(xml.StartElement)
		if !ok {
			continue
		}
		if !slices.Contains(drawn, start.Name.Local) {
			return errDrawing("has the element %q; only %s are drawn", clip(start.Name.Local), strings.Join(drawn, ", "))
		}
		for _, a := range start.Attr {
			if runs(a.Name.Local) {
				return errDrawing("has the attribute %q, which is not drawn", clip(a.Name.Local))
			}
		}
	}
}

// runs reports whether an attribute can do more than describe a shape.
func runs(attribute string) bool {
	name := strings.ToLower(attribute)
	return strings.HasPrefix(name, "on") || name == "href" || name == "style" || name == "src"
}

func errDrawing(format string, args ...any) error {
	return pipeline.FieldErrorf("labels", "the svg of a label "+format, args...)
}
