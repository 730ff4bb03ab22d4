package plan

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"framemill/pipeline"
)

// maxMismatches is how many names an error about a list of names shows.
const maxMismatches = 5

// CheckMapping checks what can be known of a job_file_mapping without the
// files: no job is empty, and no file is used twice.
func CheckMapping(mapping [][]string) error {
	const field = "job_file_mapping"
	if len(mapping) == 0 {
		return pipeline.FieldErrorf(field, "The job file mapping has no jobs")
	}
	seen := make(map[string]struct{})
	for k, names := range mapping {
		if len(names) == 0 {
			return pipeline.FieldErrorf(field, "Job %d of the job file mapping has no files", k)
		}
		for _, name := range names {
			if name == "" || utf8.RuneCountInString(name) > maxPath {
				return pipeline.FieldErrorf(field, "File name %s is not allowed", quote(name))
			}
			if _, twice := seen[name]; twice {
				return pipeline.FieldErrorf(field,
					"The same file '%s' cannot be used multiple times in the job file mapping", printable(name))
			}
			seen[name] = struct{}{}
		}
	}
	return nil
}

// CheckMappingAlone refuses a job_file_mapping beside other fields that also
// decide which frames go into which job.
func CheckMappingAlone(s *pipeline.Spec) error {
	field := ""
	switch {
	case len(s.FileMapping) == 0:
		return nil
	case s.SegmentSize != 0:
		field = "segment_size"
	case s.Sorting != pipeline.SortLexicographical:
		field = "sorting_method"
	case s.StartFrame != 0:
		field = "start_frame"
	case s.StopFrame != nil && *s.StopFrame != 0:
		field = "stop_frame"
	case s.FrameFilter != "":
		field = "frame_filter"
	case len(s.ServerExcl) > 0:
		field = "server_files_exclude"
	default:
		return nil
	}
	return pipeline.Failf(pipeline.CodeBadMapping, "", "job_file_mapping cannot be used together with %s", field)
}

// ResolveMapping returns the order of files that a job_file_mapping imposes,
// as indices into names, and how many frames each job has. Files that no job
// mentions are left out.
func ResolveMapping(mapping [][]string, names []string) (order []int, lengths []int64, err error) {
	index := indexOf(names)
	lengths = make([]int64, len(mapping))
	var missing mismatches
	for k, list := range mapping {
		lengths[k] = int64(len(list))
		for _, name := range list {
			i, ok := index[name]
			if !ok {
				missing.add(name, "missing")
				continue
			}
			order = append(order, i)
		}
	}
	if missing.n > 0 {
		return nil, nil, pipeline.Failf(pipeline.CodeBadMapping, missing.first,
			"Can't find files of the job file mapping in the input files: %s", missing)
	}
	return order, lengths, nil
}

// ResolveOrder returns the order of uploaded files that an upload_file_order
// asks for, as indices into names. It must name every file exactly once.
func ResolveOrder(order, names []string) ([]int, error) {
	index := indexOf(names)
	resolved := make([]int, 0, len(names))
	used := make([]bool, len(names))
	var bad mismatches
	for _, name := range order {
		i, ok := index[name]
		if !ok || used[i] {
			bad.add(name, "missing") // a second mention wants a second file
			continue
		}
		used[i] = true
		resolved = append(resolved, i)
	}
	for i, name := range names {
		if !used[i] {
			bad.add(name, "extra")
		}
	}
	if bad.n > 0 {
		return nil, pipeline.FieldErrorf("upload_file_order",
			"Uploaded files do not match the 'upload_file_order' field contents. Mismatching files: %s", bad)
	}
	return resolved, nil
}

func indexOf(names []string) map[string]int {
	index := make(map[string]int, len(names))
	for i, name := range names {
		index[name] = i
	}
	return index
}

// mismatches remembers the first few names that do not fit, and counts all.
type mismatches struct {
	first string
	shown []string
	n     int
}

func (m *mismatches) add(name, tag string) {
	if m.n == 0 {
		m.first = printable(name)
	}
	if m.n < maxMismatches {
		m.shown = append(m.shown, printable(name)+" ("+tag+")")
	}
	m.n++
}

// String lists the names that are shown, and how many are not.
func (m mismatches) String() string {
	list := strings.Join(m.shown, ", ")
	if rest := m.n - len(m.shown); rest > 0 {
		list += fmt.Sprintf(" and %d more", rest)
	}
	return list
}
