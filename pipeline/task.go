package pipeline

// Task is what people annotate: a name, its data, and the jobs cut from it.
type Task struct {
	ID              int64   `db:"id"`
	Tenant          Tenant  `db:"tenant"`
	OrgID           *int64  `db:"org_id"`
	OwnerID         *int64  `db:"owner_id"`
	AssigneeID      *int64  `db:"assignee_id"`
	ProjectID       *int64  `db:"project_id"`
	Name            string  `db:"name"`
	Subset          string  `db:"subset"`
	BugTracker      string  `db:"bug_tracker"`
	Mode            string  `db:"mode"`         // "", annotation (pictures) or interpolation (video)
	Dimension       string  `db:"dimension"`    // Dimension2D or Dimension3D
	Overlap         *int64  `db:"overlap"`      // frames; as given before publication, effective after
	SegmentSize     int64   `db:"segment_size"` // frames; 0 = one job; effective after publication
	Replicas        int64   `db:"replicas"`
	Status          string  `db:"status"` // annotation, validation or completed
	DataID          *int64  `db:"data_id"`
	SourceStorageID *int64  `db:"source_storage_id"`
	TargetStorageID *int64  `db:"target_storage_id"`
	Created         Micros  `db:"created"`
	Updated         Micros  `db:"updated"`
	AssigneeUpdated *Micros `db:"assignee_updated"`
	Deleted         *Micros `db:"deleted"`
}

// Modes of a task.
const (
	ModeAnnotation    = "annotation"
	ModeInterpolation = "interpolation"
)

// Project groups tasks that share labels.
type Project struct {
	ID              int64   `db:"id"`
	Tenant          Tenant  `db:"tenant"`
	OrgID           *int64  `db:"org_id"`
	OwnerID         *int64  `db:"owner_id"`
	AssigneeID      *int64  `db:"assignee_id"`
	Name            string  `db:"name"`
	BugTracker      string  `db:"bug_tracker"`
	Status          string  `db:"status"`
	SourceStorageID *int64  `db:"source_storage_id"`
	TargetStorageID *int64  `db:"target_storage_id"`
	Created         Micros  `db:"created"`
	Updated         Micros  `db:"updated"`
	AssigneeUpdated *Micros `db:"assignee_updated"`
}

// Dimensions of tasks as the contract spells them: those of pictures and videos,
// and those of point clouds.
const (
	Dimension2D = "2d"
	Dimension3D = "3d"
)

// Storage says where exports of a task or project go and imports come from.
type Storage struct {
	ID             int64  `db:"id"`
	Location       string `db:"location"` // local or cloud_storage
	CloudStorageID *int64 `db:"cloud_storage_id"`
}

// Label is a class that annotators may use, of a task or of a project.
type Label struct {
	ID        int64  `db:"id"`
	TaskID    *int64 `db:"task_id"`
	ProjectID *int64 `db:"project_id"`
	ParentID  *int64 `db:"parent_id"`
	Name      string `db:"name"`
	Color     string `db:"color"` // #rrggbb
	Type      string `db:"type"`
	SVG       string `db:"svg"`

	Attributes []Attribute `db:"-"`
	Sublabels  []Label     `db:"-"`
}

// The types of labels that have rules of their own; the others only say what
// may be drawn.
const (
	LabelAny      = "any"
	LabelSkeleton = "skeleton" // has sublabels and a drawing
)

// Attribute is a property of a label.
type Attribute struct {
	ID        int64  `db:"id"`
	LabelID   int64  `db:"label_id"`
	Name      string `db:"name"`
	Mutable   bool   `db:"mutable"`
	InputType string `db:"input_type"`
	Default   string `db:"default_value"`
	Values    string `db:"vals"` // joined by newlines
}

// User is somebody with an account.
type User struct {
	ID        int64   `db:"id"`
	Name      string  `db:"username"`
	Email     string  `db:"email"`
	FirstName string  `db:"first_name"`
	LastName  string  `db:"last_name"`
	Password  string  `db:"password" json:"-"` // argon2id as a PHC string
	Group     string  `db:"grp"`               // admin, user or worker
	Active    bool    `db:"active"`
	Joined    Micros  `db:"joined"`
	LastLogin *Micros `db:"last_login"`
}

// The groups of users, from most to least.
const (
	GroupAdmin  = "admin"
	GroupUser   = "user"
	GroupWorker = "worker"
)
