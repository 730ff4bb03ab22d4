package plan

import (
	"path"
	"strings"

	"framemill/pipeline"
)

// relatedFolder holds pictures that are shown beside a frame, never as one.
const relatedFolder = "related_images"

// Related reports whether a file lies in a folder of related images.
func Related(name string) bool {
	return strings.HasPrefix(name, relatedFolder+"/") || strings.Contains(name, "/"+relatedFolder+"/")
}

// IsMedia reports whether a file that was found in a folder or archive is meant
// to be a frame, or belongs to one.
func IsMedia(name string) bool {
	switch ClassOf(name) {
	case Image, PointCloud:
		return !Ignored(name)
	}
	return false
}

// What Relate says of a file that belongs to no other.
const (
	IsFrame  = -1
	IsNobody = -2 // a related image of a frame that is not there
)

// Relate says of each file which other file it is shown beside, by its index, or
// that it is a frame of its own.
//
// Where there are point clouds they are the frames, and all pictures belong to
// one of them; a picture that does not is an error. Otherwise only what lies in
// a folder of related images belongs to another.
func Relate(names []string) ([]int, error) {
	of := make([]int, len(names))
	related, clouds := 0, 0
	for i, name := range names {
		of[i] = IsFrame
		if ClassOf(name) == PointCloud {
			clouds++
		} else if Related(name) {
			related++
		}
	}
	switch {
	case clouds > 0 && clouds < len(names):
		return of, relateToClouds(names, of)
	case clouds == 0 && related > 0:
		relateToPictures(names, of)
	}
	return of, nil
}

// relateToPictures finds the pictures that related images belong to:
// dir/related_images/name_png/ holds those of dir/name.png.
func relateToPictures(names []string, of []int) {
	frames := make(map[string]int, len(names))
	for i, name := range names {
		if !Related(name) {
			frames[folderOf(name)] = i
		}
	}
	for i, name := range names {
		if !Related(name) {
			continue
		}
		of[i] = IsNobody
		if frame, ok := frames[path.Dir(name)]; ok {
			of[i] = frame
		}
	}
}

// folderOf is the folder of the related images of a frame.
func folderOf(frame string) string {
	dir, base := path.Split(frame)
	if dot := strings.LastIndexByte(base, '.'); dot >= 0 {
		base = base[:dot] + "_" + base[dot+1:]
	}
	return path.Join(dir, relatedFolder, base)
}

// relateToClouds finds the point clouds that pictures belong to.
func relateToClouds(names []string, of []int) error {
	clouds := make(map[string]int, len(names))
	for i, name := range names {
		if ClassOf(name) == PointCloud {
			clouds[strings.ToLower(stem(name))] = i
		}
	}
	for i, name := range names {
		if ClassOf(name) == PointCloud {
			continue
		}
		of[i] = IsNobody
		for _, cloud := range cloudsOf(name) {
			if k, ok := clouds[strings.ToLower(cloud)]; ok {
				of[i] = k
				break
			}
		}
		if of[i] == IsNobody && !Related(name) {
			return pipeline.Failf(pipeline.CodeMediaMix, name, "Combined media types are not supported, "+
				"found: images, 3d point clouds. The image %s belongs to no point cloud.", quote(name))
		}
	}
	return nil
}

// cloudsOf lists the point clouds, without their extensions, that a picture may
// belong to by where it lies: beside it under the same name, in the folder that
// holds it and has its name, or as Supervisely and KITTI lay them out.
func cloudsOf(picture string) []string {
	dir := path.Dir(picture)
	out := []string{stem(picture), path.Join(dir, path.Base(dir))}
	above, folder := path.Dir(dir), path.Base(dir)
	if path.Base(above) == relatedFolder {
		root, cloud := path.Dir(above), folder
		if i := strings.LastIndexByte(folder, '_'); i > 0 {
			cloud = folder[:i]
		}
		out = append(out, path.Join(root, "pointcloud", cloud), path.Join(root, cloud))
	}
	if strings.EqualFold(folder, "data") && strings.HasPrefix(strings.ToLower(path.Base(above)), "image_") {
		out = append(out, path.Join(path.Dir(above), "velodyne_points", "data", path.Base(stem(picture))))
	}
	return out
}

func stem(name string) string { return strings.TrimSuffix(name, path.Ext(name)) }

// ContextNames returns the names of the related images of one frame in the zip
// that shows them: as JPEGs, relative to the deepest folder that holds all of
// them. No two are alike.
func ContextNames(names []string) []string {
	out, taken := make([]string, len(names)), make(map[string]bool, len(names))
	root := commonFolder(names)
	for i, name := range names {
		short := stem(strings.TrimPrefix(name, root))
		for taken[short] {
			short += "_"
		}
		taken[short] = true
		out[i] = short + ".jpg"
	}
	return out
}

// commonFolder returns the deepest folder that holds all files, with a slash at
// its end, "" at the top.
func commonFolder(names []string) string {
	if len(names) == 0 {
		return ""
	}
	root := names[0][:strings.LastIndexByte(names[0], '/')+1]
	for _, name := range names[1:] {
		for !strings.HasPrefix(name, root) {
			root = root[:strings.LastIndexByte(root[:len(root)-1], '/')+1]
		}
	}
	return root
}
