package api

import (
	"net/http"

	"framemill/pipeline"
	"framemill/pipeline/store"
	"framemill/producer/access"
)

// cloudStorage is a cloud storage as clients read it. Credentials are never
// shown.
type cloudStorage struct {
	ID              int64      `json:"id"`
	Owner           *basicUser `json:"owner"`
	Manifests       []string   `json:"manifests"`
	Created         string     `json:"created_date"`
	Updated         string     `json:"updated_date"`
	Provider        string     `json:"provider_type"`
	Resource        string     `json:"resource"`
	Name            string     `json:"display_name"`
	CredentialsType string     `json:"credentials_type"`
	Attributes      string     `json:"specific_attributes"`
	Description     string     `json:"description"`
	Organization    *int64     `json:"organization"`
}

func cloudStorageOf(r *http.Request, v *store.CloudStorageView) cloudStorage {
	return cloudStorage{
		ID: v.ID, Owner: userOrNull(r, v.Owner), Manifests: v.Manifests.List(), Created: iso(v.Created), Updated: iso(v.Updated),
		Provider: v.Provider, Resource: v.Resource, Name: v.Name, CredentialsType: v.CredentialsType,
		Attributes: v.Attributes, Description: v.Description, Organization: v.OrgID,
	}
}

func (s *Server) listCloudStorages(w http.ResponseWriter, r *http.Request) error {
	q, p, err := readQuery(r, "provider_type", "name", "resource", "credentials_type", "owner")
	if err != nil {
		return err
	}
	views, count, err := s.DB.CloudStorages(r.Context(), viewer(r), q)
	if err != nil {
		return err
	}
	return writePage(w, r, p, count, mapEach(views, func(v *store.CloudStorageView) cloudStorage { return cloudStorageOf(r, v) }))
}

// cloudInPath returns the cloud storage that the path names, if the caller may
// do a.
func (s *Server) cloudInPath(r *http.Request, a access.Action) (*store.CloudStorageView, error) {
	id, err := idParam(r)
	if err != nil {
		return nil, err
	}
	v, err := s.DB.CloudStorageView(r.Context(), id)
	if err != nil {
		return nil, orNotFound(err)
	}
	return v, check(r, a, access.CloudStorage(&v.CloudStorage))
}

func (s *Server) readCloudStorage(w http.ResponseWriter, r *http.Request) error {
	v, err := s.cloudInPath(r, access.ViewCloudStorage)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, cloudStorageOf(r, v))
}

func (s *Server) createCloudStorage(w http.ResponseWriter, r *http.Request) error {
	if err := check(r, access.CreateCloudStorage, here(r)); err != nil {
		return err
	}
	in, err := readCloudInput(r)
	if err != nil {
		return err
	}
	if err := in.required(); err != nil {
		return err
	}
	me := access.From(r.Context())
	draft := cloudDraft{row: pipeline.CloudStorage{
		OwnerID: &me.User.ID, OrgID: me.In.OrgID, Tenant: pipeline.TenantOf(me.In.OrgID, me.User.ID),
	}}
	if err := draft.apply(in); err != nil {
		return err
	}
	if err := s.checkCloud(r.Context(), &draft, "create"); err != nil {
		return err
	}
	id, err := s.DB.CreateCloudStorage(r.Context(), &draft.row, func(id int64) (string, error) {
		return s.Clouds.Seal(id, &draft.secrets)
	})
	if err != nil {
		return err
	}
	return s.writeCloudStorage(w, r, http.StatusCreated, id)
}

// updateCloudStorage changes a cloud storage, if it can be reached afterwards.
func (s *Server) updateCloudStorage(w http.ResponseWriter, r *http.Request) error {
	v, err := s.cloudInPath(r, access.EditCloudStorage)
	if err != nil {
		return err
	}
	in, err := readCloudInput(r)
	if err != nil {
		return err
	}
	secrets, err := s.Clouds.Unseal(&v.CloudStorage)
	if err != nil {
		return err
	}
	draft := cloudDraft{row: v.CloudStorage, secrets: *secrets}
	if err := draft.apply(in); err != nil {
		return err
	}
	if draft.moves(&v.CloudStorage, secrets) && !in.secret() {
		return pipeline.FieldErrorf("credentials", "Give the credentials again: they are kept for where the storage was")
	}
	if draft.reaches(&v.CloudStorage, secrets) {
		if err := s.checkCloud(r.Context(), &draft, "update"); err != nil {
			return err
		}
	}
	ch, err := s.cloudChange(&draft, in)
	if err != nil {
		return err
	}
	if err := s.DB.UpdateCloudStorage(r.Context(), &v.CloudStorage, ch); err != nil {
		return orNotFound(err)
	}
	return s.writeCloudStorage(w, r, http.StatusOK, v.ID)
}

// cloudChange returns what a draft changes of its row.
func (s *Server) cloudChange(d *cloudDraft, in *cloudInput) (*store.CloudStorageChange, error) {
	ch := &store.CloudStorageChange{
		Provider: changeIf(in.Provider.Set, d.row.Provider), Resource: changeIf(in.Resource.Set, d.row.Resource),
		Name: changeIf(in.Name.Set, d.row.Name), CredentialsType: changeIf(in.CredentialsType.Set, d.row.CredentialsType),
		Attributes: changeIf(in.Attributes.Set, d.row.Attributes), Description: changeIf(in.Description.Set, d.row.Description),
		Manifests: changeIf(in.Manifests.Set, d.row.Manifests),
	}
	if !in.secret() && !in.CredentialsType.Set {
		return ch, nil
	}
	sealed, err := s.Clouds.Seal(d.row.ID, &d.secrets)
	ch.Sealed = store.To(sealed)
	return ch, err
}

func changeIf[T any](set bool, to T) store.Change[T] { return store.Change[T]{Set: set, To: to} }

func (s *Server) writeCloudStorage(w http.ResponseWriter, r *http.Request, status int, id int64) error {
	v, err := s.DB.CloudStorageView(r.Context(), id)
	if err != nil {
		return orNotFound(err)
	}
	return writeJSON(w, status, cloudStorageOf(r, v))
}

func (s *Server) deleteCloudStorage(w http.ResponseWriter, r *http.Request) error {
	v, err := s.cloudInPath(r, access.EditCloudStorage)
	if err != nil {
		return err
	}
	if err := s.DB.DeleteCloudStorage(r.Context(), v.ID); err != nil {
		return orNotFound(err)
	}
	return noContent(w)
}
