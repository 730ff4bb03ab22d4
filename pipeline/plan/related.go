package plan

import "strings"

// relatedFolder holds pictures that are shown beside a frame, never as one.
const relatedFolder = "related_images"

// Related reports whether a file lies in a folder of related images.
func Related(name string) bool {
	return strings.HasPrefix(name, relatedFolder+"/") || strings.Contains(name, "/"+relatedFolder+"/")
}

// IsMedia reports whether a file that was found in a folder or archive is meant
// to be a frame.
func IsMedia(name string) bool {
	return ClassOf(name) == Image && !Related(name) && !Ignored(name)
}
