package plan

import (
	"fmt"
	"path"
	"strings"

	"framemill/pipeline"
)

// Class is what a file is taken for by its name, before anybody looks into it.
type Class uint8

// The classes. A Directory is never recognised by its name.
const (
	Unknown Class = iota
	Image
	PointCloud
	Directory
	Video
	Archive // of any format but zip
	PDF
	Zip
	Manifest
)

// String returns the name of the class as messages use it.
func (c Class) String() string { return classNames[c%Class(len(classNames))] }

var classNames = [...]string{"unknown file", "image", "point cloud", "directory", "video", "archive", "pdf", "zip", "manifest"}

// extensions lists the classes by extension. Many of the pictures cannot be
// decoded; they are meant as pictures all the same, and are reported as such.
var extensions = map[Class]string{
	Image: `3ds arw avif bay bmp cr2 crw dcr dds djv djvu dng dwg dxf emf eps exr gif hdr heic heif icns ico ief jng
		jp2 jpe jpeg jpf jpg jpx k25 kdc lwo mdi mos mrw nef ora orf pbm pcx pef pgm pic pict png pnm ppm psd raf raw
		rgb rw2 sgi sk sr2 srf tga tif tiff wbmp webp wmf x3f xbm xcf xpm xwd`,
	PointCloud: `bin pcd`,
	Video: `3g2 3ga 3gp 3gp2 3gpp 3gpp2 avf avi axv bdm bdmv clpi cpi divx dv f4v flc fli flv fxm lrv m1u m1v m2t
		m2ts m4u m4v mk3d mkv mng moov mov movie mp2 mp4 mpa mpe mpeg mpg mpl mpls mts mxf mxu nsv ogg ogm ogv qt qtvr
		rv rvx ts viv vivo vob webm wmp wmv`,
	Archive:  `7z bz cpio gtar rar tar taz tbz2 tgz txz`,
	PDF:      `pdf`,
	Zip:      `zip`,
	Manifest: `jsonl`,
}

var classOf = func() map[string]Class {
	out := make(map[string]Class)
	for class, list := range extensions {
		for _, ext := range strings.Fields(list) {
			out["."+ext] = class
		}
	}
	return out
}()

// ClassOf returns the class of a file by the extension of its name. One suffix
// of compression does not count: a.tar.gz is an archive, a.jpg.gz a picture.
func ClassOf(name string) Class {
	base := strings.ToLower(name[strings.LastIndexByte(name, '/')+1:])
	ext := extension(base)
	switch ext {
	case ".gz", ".bz2", ".xz", ".z":
		ext = extension(strings.TrimSuffix(base, ext))
	}
	return classOf[ext]
}

// extension is path.Ext, except that dots which begin a name begin no extension.
func extension(base string) string { return path.Ext(strings.TrimLeft(base, ".")) }

// CheckMix refuses inputs that cannot become one task: nothing usable, more
// than one manifest, or a video, archive, zip or PDF beside anything else.
// Unknown files do not count.
func CheckMix(counts map[Class]int64) error {
	many := counts[Image] + counts[PointCloud] + counts[Directory]
	unique := counts[Video] + counts[Archive] + counts[PDF] + counts[Zip]
	switch {
	case counts[Manifest] > 1:
		return pipeline.Failf(pipeline.CodeMediaMix, "", "Only one manifest file can be attached to data, but %d were found.", counts[Manifest])
	case many+unique == 0:
		return pipeline.Failf(pipeline.CodeNoMedia, "", "No media data found")
	case unique > 1 || unique == 1 && many > 0:
		return pipeline.Failf(pipeline.CodeMediaMix, "", "Only one video, archive, pdf, zip or many image, "+
			"directory can be used simultaneously, but %s found.", describeMix(counts))
	}
	return nil
}

// describeMix lists what was found. Images always appear: zero of them may be
// the surprise.
func describeMix(counts map[Class]int64) string {
	found := []string{fmt.Sprintf("%d image(s)", counts[Image])}
	for class := PointCloud; class <= Zip; class++ {
		if n := counts[class]; n > 0 {
			found = append(found, fmt.Sprintf("%d %s(s)", n, class))
		}
	}
	return strings.Join(found, ", ")
}
