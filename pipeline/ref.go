package pipeline

import (
	"fmt"
	"strconv"
	"strings"
)

// Ref says where the bytes of a source file lie. It is one of
//
//	blob:<key>                                    a blob of our own storage
//	share:<path>                                  a file below the share root
//	cloud:<id>/<key>                              an object of a cloud storage
//	zip:<offset>,<packed>,<method>[,<sum>]:<ref of the zip>
//	                                              a member of a zip archive, whose
//	                                              data begin at offset
//	kitti:<bytes>:<ref of a .bin>                 a point cloud of the KITTI data
//	                                              set of so many bytes, as a .pcd
//
// Package pipeline/source opens them.
type Ref string

// BlobRef returns the Ref of a blob.
func BlobRef(key string) Ref { return Ref("blob:" + key) }

// ShareRef returns the Ref of a file below the share root.
func ShareRef(path string) Ref { return Ref("share:" + path) }

// CloudRef returns the Ref of an object in the bucket of a cloud storage.
func CloudRef(storageID int64, key string) Ref {
	return Ref(fmt.Sprintf("cloud:%d/%s", storageID, key))
}

// ParseCloud reads the rest of a Ref whose scheme is cloud.
func ParseCloud(rest string) (storageID int64, key string, err error) {
	id, key, ok := strings.Cut(rest, "/")
	storageID, err = strconv.ParseInt(id, 10, 64)
	if err != nil || !ok || storageID < 1 || key == "" {
		return 0, "", fmt.Errorf("cloud reference %q is malformed", rest)
	}
	return storageID, key, nil
}

// ZipMember is where one member of a zip archive lies.
type ZipMember struct {
	Archive Ref
	Offset  int64  // of the member's data within the archive
	Packed  int64  // compressed length
	Method  uint16 // 0 stored, 8 deflated
	Sum     uint32 // CRC-32 of the content as the archive has it; 0 if it is not known
}

// Ref returns the Ref of the member.
func (m ZipMember) Ref() Ref {
	if m.Sum == 0 {
		return Ref(fmt.Sprintf("zip:%d,%d,%d:%s", m.Offset, m.Packed, m.Method, m.Archive))
	}
	return Ref(fmt.Sprintf("zip:%d,%d,%d,%d:%s", m.Offset, m.Packed, m.Method, m.Sum, m.Archive))
}

// KITTIRef returns the Ref of a point cloud as KITTI has it, of so many bytes,
// which is read as a .pcd.
func KITTIRef(bin Ref, bytes int64) Ref { return Ref(fmt.Sprintf("kitti:%d:%s", bytes, bin)) }

// ParseKITTI reads the rest of a Ref whose scheme is kitti.
func ParseKITTI(rest string) (bin Ref, bytes int64, err error) {
	head, inner, ok := strings.Cut(rest, ":")
	bytes, err = strconv.ParseInt(head, 10, 64)
	if !ok || err != nil || bytes < 0 {
		return "", 0, fmt.Errorf("kitti reference %q is malformed", rest)
	}
	return Ref(inner), bytes, nil
}

// Split returns the scheme of a Ref and the rest.
func (r Ref) Split() (scheme, rest string) {
	scheme, rest, _ = strings.Cut(string(r), ":")
	return scheme, rest
}

// ParseZipMember reads the rest of a Ref whose scheme is zip.
func ParseZipMember(rest string) (ZipMember, error) {
	head, archive, ok := strings.Cut(rest, ":")
	f := strings.Split(head, ",")
	if !ok || len(f) < 3 || len(f) > 4 {
		return ZipMember{}, fmt.Errorf("zip reference %q is malformed", rest)
	}
	var n [4]int64
	for i := range f {
		v, err := strconv.ParseInt(f[i], 10, 64)
		if err != nil || v < 0 {
			return ZipMember{}, fmt.Errorf("zip reference %q is malformed", rest)
		}
		n[i] = v
	}
	return ZipMember{Archive: Ref(archive), Offset: n[0], Packed: n[1], Method: uint16(n[2]), Sum: uint32(n[3])}, nil
}
