package plan_test

import (
	"strings"
	"testing"

	"framemill/pipeline"
	"framemill/pipeline/plan"
)

func TestClassOf(t *testing.T) {
	t.Parallel()
	tests := map[plan.Class][]string{
		plan.Image:      {"a.jpg", "A.JPG", "a.b/c.png", "a.tif", "a.webp", "a.jpg.gz", "a.heic", "x.tar.png"},
		plan.PointCloud: {"a.pcd", "a.bin"},
		plan.Video:      {"a.mp4", "a.MKV", "a.mts", "a.ts"},
		plan.Archive:    {"a.tar", "a.tar.gz", "a.TGZ", "a.tar.bz2", "a.tar.xz", "a.tar.bz", "a.7z", "a.rar", "a.cpio", "a.bz"},
		plan.PDF:        {"a.pdf"},
		plan.Zip:        {"a.zip", "a.zip.gz"},
		plan.Manifest:   {"manifest.jsonl"},
		plan.Unknown:    {"", "a", "a.", "a.txt", "a.gz", "a.xz", "a.svg", "a.svgz", "a.jxl", "jpg", ".jpg", "a/.png", "a.png/b", "a.jpg.gz.gz"},
	}
	for want, names := range tests {
		for _, name := range names {
			if got := plan.ClassOf(name); got != want {
				t.Errorf("ClassOf(%q) = %s, want %s", name, got, want)
			}
		}
	}
}

func TestCheckMix(t *testing.T) {
	t.Parallel()
	type counts = map[plan.Class]int64
	const only = "Only one video, archive, pdf, zip or many image, directory can be used simultaneously, but "
	tests := []struct {
		name   string
		counts counts
		code   pipeline.Code // of the error
		text   string        // in it
	}{
		{name: "pictures", counts: counts{plan.Image: 5, plan.Directory: 2, plan.Unknown: 3}},
		{name: "one zip with a manifest", counts: counts{plan.Zip: 1, plan.Manifest: 1, plan.Unknown: 1}},
		{name: "point clouds", counts: counts{plan.PointCloud: 2}},
		{name: "nothing", code: pipeline.CodeNoMedia, text: "No media data found"},
		{name: "nothing known", counts: counts{plan.Unknown: 3, plan.Manifest: 1}, code: pipeline.CodeNoMedia, text: "No media data found"},
		{name: "zip and pictures", counts: counts{plan.Image: 2, plan.Zip: 1}, code: pipeline.CodeMediaMix, text: only + "2 image(s), 1 zip(s) found."},
		{name: "two zips", counts: counts{plan.Zip: 2}, code: pipeline.CodeMediaMix, text: only + "0 image(s), 2 zip(s) found."},
		{name: "two of a kind each", counts: counts{plan.Video: 1, plan.PDF: 1}, code: pipeline.CodeMediaMix, text: only + "0 image(s), 1 video(s), 1 pdf(s) found."},
		{name: "two manifests", counts: counts{plan.Image: 2, plan.Manifest: 2}, code: pipeline.CodeMediaMix, text: "Only one manifest file"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			err := plan.CheckMix(tt.counts)
			if tt.code == "" && err == nil {
				return
			}
			if pipeline.CodeOf(err) != tt.code || !strings.Contains(pipeline.Public(err).Text, tt.text) {
				t.Errorf("got %v, want code %q with %q", err, tt.code, tt.text)
			}
		})
	}
}
