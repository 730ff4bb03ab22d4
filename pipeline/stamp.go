package pipeline

// Stamp is what is known of one version of a source file, which tells it from
// others: who opens the file by it gets that version or an error.
type Stamp struct {
	Bytes int64  // length; negative where nobody has looked yet
	MTime int64  // µs since 1970; 0 where it does not count
	ETag  string // of an object of a cloud storage; "" where it does not count
}

// AnyStamp returns the stamp of a file that nobody has looked at, which every
// version has.
func AnyStamp() Stamp { return Stamp{Bytes: -1} }

// Stamp returns the version that was listed.
func (f *SourceFile) Stamp() Stamp { return Stamp{f.Bytes, f.MTime, f.ETag} }

// Stamp returns the version that was probed.
func (f *File) Stamp() Stamp { return Stamp{f.Bytes, f.MTime, f.ETag} }
