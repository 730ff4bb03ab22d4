package plan_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"framemill/pipeline"
	"framemill/pipeline/plan"
)

func TestRelate(t *testing.T) {
	t.Parallel()
	const frame, nobody = plan.IsFrame, plan.IsNobody
	tests := []struct {
		name  string
		files []string
		want  []int
	}{
		{"pictures alone", []string{"a.jpg", "b/a.jpg"}, []int{frame, frame}},
		{"related images", []string{"d/a.b.png", "d/related_images/a.b_png/1.jpg", "d/related_images/a.b_png/2.jpg", "d/related_images/a_b_png/3.jpg"},
			[]int{frame, 0, 0, nobody}},
		{"at the top", []string{"related_images/a_jpg/1.jpg", "a.jpg"}, []int{1, frame}},
		{"too high, too deep, of another folder", []string{"related_images/x.jpg", "related_images/a_jpg/deep/x.jpg", "e/related_images/a_jpg/x.jpg", "a.jpg"},
			[]int{nobody, nobody, nobody, frame}},
		{"the same stem", []string{"a.pcd", "a.png", "d/b.pcd", "d/b.jpg"}, []int{frame, 0, frame, 2}},
		{"a folder of the name", []string{"d/x/x.pcd", "d/x/one.png", "d/x/two.png"}, []int{frame, 0, 0}},
		{"Supervisely", []string{"pointcloud/x.pcd", "related_images/x_pcd/1.png", "related_images/y_pcd/1.png"}, []int{frame, 0, nobody}},
		{"related images of clouds", []string{"d/x.pcd", "d/related_images/x_pcd/1.png"}, []int{frame, 0}},
		{"KITTI", []string{"velodyne_points/data/0001.pcd", "IMAGE_00/data/0001.png", "image_01/Data/0001.jpg"}, []int{frame, 0, 0}},
		{"clouds alone", []string{"a.pcd", "b.bin"}, []int{frame, frame}},
	}
	for _, tt := range tests {
		got, err := plan.Relate(tt.files)
		if diff := cmp.Diff(tt.want, got); diff != "" || err != nil {
			t.Errorf("%s: %v, -want +got:\n%s", tt.name, err, diff)
		}
	}
	if _, err := plan.Relate([]string{"a.pcd", "other.jpg"}); pipeline.CodeOf(err) != pipeline.CodeMediaMix {
		t.Errorf("a picture that belongs to no cloud: %v, want media_mix", err)
	}
}

func TestContextNames(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ in, want []string }{
		{nil, []string{}},
		{[]string{"d/related_images/a_jpg/one.png"}, []string{"one.jpg"}},
		{[]string{"x/image_00/data/1.png", "x/image_01/data/1.png"}, []string{"image_00/data/1.jpg", "image_01/data/1.jpg"}},
		{[]string{"d/1.png", "d/1.jpg", "top.jpg"}, []string{"d/1.jpg", "d/1_.jpg", "top.jpg"}},
	} {
		if diff := cmp.Diff(tt.want, plan.ContextNames(tt.in)); diff != "" {
			t.Errorf("names of %v (-want +got):\n%s", tt.in, diff)
		}
	}
}
