package client

import (
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"framemill/pipeline/plan"
)

// findFiles returns the files that paths mean: files as they are named, and of
// directories every picture below them, in the order of their names. Hidden
// files and folders are left out.
func findFiles(paths []string) ([]string, error) {
	var found []string
	for _, root := range paths {
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case path == root && !d.IsDir():
				found = append(found, path)
			case path != root && strings.HasPrefix(d.Name(), "."):
				if d.IsDir() {
					return fs.SkipDir
				}
			case !d.IsDir() && plan.ClassOf(d.Name()) == plan.Image:
				found = append(found, path)
			}
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("look for pictures: %w", err)
		}
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("there is no picture in %s", strings.Join(paths, ", "))
	}
	return found, nil
}
