package collect

import (
	"path"
	"strings"

	"framemill/pipeline"
	"framemill/pipeline/source"
)

// readKITTI makes a point cloud as KITTI has it a .pcd, which it becomes while
// it is read.
func readKITTI(f *pipeline.SourceFile) {
	ext := path.Ext(f.Name)
	if !strings.EqualFold(ext, ".bin") || f.Code != "" {
		return
	}
	name := strings.TrimSuffix(f.Name, ext) + ".pcd"
	ref, bytes, err := source.KITTI(f.Ref, f.Bytes)
	if err != nil {
		bad := pipeline.Public(err)
		f.Code, f.Text = bad.Code, bad.Text
		return
	}
	f.Name, f.Ref, f.Bytes, f.CRC32 = name, ref, bytes, nil
}
