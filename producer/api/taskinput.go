package api

import (
	"net/http"

	"framemill/pipeline"
	"framemill/pipeline/store"
	"framemill/producer/access"
)

// maxReplicas bounds the replicas of a job.
const maxReplicas = 11

// taskInput is the body of a new task.
type taskInput struct {
	Name            optional[string] `json:"name"`
	ProjectID       *integer         `json:"project_id"`
	OwnerID         *integer         `json:"owner_id"`
	AssigneeID      *integer         `json:"assignee_id"`
	BugTracker      optional[string] `json:"bug_tracker"`
	Subset          optional[string] `json:"subset"`
	Overlap         *integer         `json:"overlap"`
	SegmentSize     integer          `json:"segment_size"`
	Labels          []labelInput     `json:"labels"`
	Source          *storageInput    `json:"source_storage"`
	Target          *storageInput    `json:"target_storage"`
	Replicas        *integer         `json:"consensus_replicas"`
	InitialReplicas *integer         `json:"initial_replicas"` // as newer clients call it
}

func (s *Server) createTask(w http.ResponseWriter, r *http.Request) error {
	var in taskInput
	if err := decode(r, &in); err != nil {
		return err
	}
	n, err := in.task(access.From(r.Context()))
	if err != nil {
		return err
	}
	if err := s.mayCreate(r, n); err != nil {
		return err
	}
	if err := s.people(r.Context(), n.OrgID, map[string]*int64{"owner_id": in.OwnerID.id(), "assignee_id": n.AssigneeID}); err != nil {
		return err
	}
	id, err := s.DB.CreateTask(r.Context(), n)
	if err != nil {
		return err
	}
	v, err := s.DB.TaskView(r.Context(), id)
	if err != nil {
		return err
	}
	out := taskOf(r, v)
	w.Header().Set("Location", out.URL)
	return writeJSON(w, http.StatusCreated, out)
}

// mayCreate checks that the caller may create the task where it is to be.
func (s *Server) mayCreate(r *http.Request, n *store.NewTask) error {
	if n.ProjectID == nil {
		return check(r, access.CreateTask, here(r))
	}
	return s.mayEnter(r, n.OrgID, *n.ProjectID)
}

// task checks the input and returns the task that p asks for.
func (in *taskInput) task(p *access.Principal) (*store.NewTask, error) {
	n := &store.NewTask{Task: pipeline.Task{
		Tenant: p.Tenant(), OrgID: p.In.OrgID, OwnerID: in.OwnerID.id(), AssigneeID: in.AssigneeID.id(), ProjectID: in.ProjectID.id(),
		Dimension: pipeline.Dimension2D, Overlap: in.Overlap.id(), SegmentSize: int64(in.SegmentSize),
	}}
	if n.OwnerID == nil {
		n.OwnerID = &p.User.ID
	}
	var err error
	if n.Name, err = nameRule.required(in.Name); err != nil {
		return nil, err
	}
	if err := in.texts(n); err != nil {
		return nil, err
	}
	if err := in.numbers(n); err != nil {
		return nil, err
	}
	if n.Labels, err = newLabels(in.Labels); err != nil {
		return nil, err
	}
	if len(n.Labels) > 0 && n.ProjectID != nil {
		return nil, pipeline.Errorf(pipeline.Invalid, "Task must have only one of Label set or project_id")
	}
	n.Source, n.Target, err = twoStorages(in.Source, in.Target)
	return n, err
}

// The texts of tasks and projects.
var (
	nameRule    = textRule{field: "name", max: 256}
	trackerRule = textRule{field: "bug_tracker", max: 2000, blank: true}
	subsetRule  = textRule{field: "subset", max: 64, blank: true}
)

func (in *taskInput) texts(n *store.NewTask) error {
	tracker, err := trackerRule.change(in.BugTracker)
	if err != nil {
		return err
	}
	subset, err := subsetRule.change(in.Subset)
	n.BugTracker, n.Subset = tracker.To, subset.To
	return err
}

func (in *taskInput) numbers(n *store.NewTask) error {
	if n.SegmentSize < 0 {
		return errNegative("segment_size")
	}
	if n.Overlap != nil && *n.Overlap < 0 {
		return errNegative("overlap")
	}
	for field, replicas := range map[string]*integer{
		"consensus_replicas": in.Replicas, "initial_replicas": in.InitialReplicas,
	} {
		if replicas == nil {
			continue
		}
		if *replicas < 0 || *replicas == 1 || *replicas > maxReplicas {
			return pipeline.FieldErrorf(field, "Consensus replicas must be 0 or a positive number more than 1 "+
				"and less than %d, got %d", maxReplicas+1, *replicas)
		}
		n.Replicas = max(n.Replicas, int64(*replicas))
	}
	return nil
}

func errNegative(field string) error {
	return pipeline.FieldErrorf(field, "Ensure this value is greater than or equal to 0.")
}

// twoStorages returns the storages of a new task or project.
func twoStorages(source, target *storageInput) (from, to *pipeline.Storage, err error) {
	if source != nil {
		if from, err = source.storage("source_storage"); err != nil {
			return nil, nil, err
		}
	}
	if target != nil {
		to, err = target.storage("target_storage")
	}
	return from, to, err
}

// taskPatch is the body of a change of a task.
type taskPatch struct {
	Name           optional[string]       `json:"name"`
	BugTracker     optional[string]       `json:"bug_tracker"`
	Subset         optional[string]       `json:"subset"`
	Labels         []labelInput           `json:"labels"`
	OwnerID        optional[integer]      `json:"owner_id"`
	AssigneeID     optional[integer]      `json:"assignee_id"`
	ProjectID      optional[integer]      `json:"project_id"`
	OrganizationID optional[integer]      `json:"organization_id"`
	Source         optional[storageInput] `json:"source_storage"`
	Target         optional[storageInput] `json:"target_storage"`
}

func (s *Server) updateTask(w http.ResponseWriter, r *http.Request) error {
	v, err := s.taskInPath(r, access.ViewTask)
	if err != nil {
		return err
	}
	var in taskPatch
	if err := decodePatch(r, &in); err != nil {
		return err
	}
	if transfers(in.OrganizationID, v.OrgID) {
		err = s.transferTask(r, v, &in)
	} else {
		err = s.changeTask(r, v, &in)
	}
	if err != nil {
		return orNotFound(err)
	}
	if v, err = s.DB.TaskView(r.Context(), v.ID); err != nil {
		return orNotFound(err)
	}
	return s.writeTask(w, r, v)
}

// changeTask changes a task that stays in its workspace.
func (s *Server) changeTask(r *http.Request, v *store.TaskView, in *taskPatch) error {
	facts := access.Task(&v.Task, v.Project)
	for _, a := range in.actions(&v.Task) {
		if err := check(r, a, facts); err != nil {
			return err
		}
	}
	ch, err := in.change(&v.Task)
	if err != nil {
		return err
	}
	if ch.Move != nil {
		if err := s.mayEnter(r, v.OrgID, ch.Move.ProjectID); err != nil {
			return err
		}
	}
	if err := s.people(r.Context(), v.OrgID, map[string]*int64{"owner_id": ch.OwnerID.To, "assignee_id": ch.AssigneeID.To}); err != nil {
		return err
	}
	return s.DB.UpdateTask(r.Context(), v.ID, ch)
}

// actions are what the caller must be allowed to do for the change.
func (in *taskPatch) actions(t *pipeline.Task) []access.Action {
	actions := []access.Action{access.EditTask}
	if in.OwnerID.Set || in.AssigneeID.Set || in.moves(t) {
		actions = append(actions, access.AssignTask)
	}
	return actions
}

// change checks the input against the task as it is.
func (in *taskPatch) change(t *pipeline.Task) (*store.TaskChange, error) {
	ch := &store.TaskChange{OwnerID: idChange(in.OwnerID), AssigneeID: idChange(in.AssigneeID)}
	var err error
	if ch.Name, err = nameRule.change(in.Name); err != nil {
		return nil, err
	}
	if ch.BugTracker, err = trackerRule.change(in.BugTracker); err != nil {
		return nil, err
	}
	if ch.Subset, err = subsetRule.change(in.Subset); err != nil {
		return nil, err
	}
	if ch.Source, ch.Target, err = storageChanges(in.Source, in.Target); err != nil {
		return nil, err
	}
	if in.moves(t) {
		ch.Move, err = in.move(t)
	} else {
		ch.Labels, err = labelChanges(in.Labels)
	}
	return ch, err
}

func sameID(a, b *int64) bool {
	if a == nil || b == nil {
		return a == b
	}
	return *a == *b
}

// storageChanges returns what becomes of the storages of a task or project.
func storageChanges(source, target optional[storageInput]) (from, to store.Change[*pipeline.Storage], err error) {
	if from, err = storageChange(source, "source_storage"); err != nil {
		return from, to, err
	}
	to, err = storageChange(target, "target_storage")
	return from, to, err
}

func storageChange(o optional[storageInput], field string) (store.Change[*pipeline.Storage], error) {
	if !o.Set {
		return store.Change[*pipeline.Storage]{}, nil
	}
	if o.Value == nil {
		return store.To[*pipeline.Storage](nil), nil
	}
	st, err := o.Value.storage(field)
	return store.To(st), err
}
