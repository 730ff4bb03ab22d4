package api

import (
	"context"
	"strconv"
	"strings"
	"unicode/utf8"

	"framemill/pipeline"
	"framemill/pipeline/store"
)

// textRule is what a text of a request must be like.
type textRule struct {
	field string
	max   int  // characters
	blank bool // may be empty
}

// change returns the text that was sent, without space around it.
func (rule textRule) change(o optional[string]) (store.Change[string], error) {
	if !o.Set {
		return store.Change[string]{}, nil
	}
	if o.Value == nil {
		return store.Change[string]{}, pipeline.FieldErrorf(rule.field, "This field may not be null.")
	}
	s := strings.TrimSpace(*o.Value)
	if s == "" && !rule.blank {
		return store.Change[string]{}, pipeline.FieldErrorf(rule.field, "This field may not be blank.")
	}
	if utf8.RuneCountInString(s) > rule.max {
		return store.Change[string]{}, pipeline.FieldErrorf(rule.field,
			"Ensure this field has no more than %d characters.", rule.max)
	}
	return store.To(s), nil
}

// required returns the text that was sent, or says that it is missing.
func (rule textRule) required(o optional[string]) (string, error) {
	if !o.Set {
		return "", pipeline.FieldErrorf(rule.field, "This field is required.")
	}
	c, err := rule.change(o)
	return c.To, err
}

// idChange returns an id that was sent.
func idChange(o optional[integer]) store.Change[*int64] {
	if !o.Set {
		return store.Change[*int64]{}
	}
	return store.To(o.Value.id())
}

// people refuses ids of users that do not exist, or who are not members of the
// organization, if there is one; keys are the fields.
func (s *Server) people(ctx context.Context, org *int64, fields map[string]*int64) error {
	ids := make([]*int64, 0, len(fields))
	for _, id := range fields {
		ids = append(ids, id)
	}
	users, err := s.DB.UsersByID(ctx, ids...)
	if err != nil {
		return err
	}
	var members map[int64]bool
	if org != nil {
		if members, err = s.DB.Members(ctx, *org, ids...); err != nil {
			return err
		}
	}
	for field, id := range fields {
		if id == nil {
			continue
		}
		u, ok := users[*id]
		if !ok || !u.Active {
			return errNoSuchKey(field, *id)
		}
		if org != nil && !members[*id] && u.Group != pipeline.GroupAdmin {
			return pipeline.FieldErrorf(field, "user %d is not a member of the organization", *id)
		}
	}
	return nil
}

func errNoSuchKey(field string, id int64) error {
	return pipeline.FieldErrorf(field, "Invalid pk %s - object does not exist.", strconv.Quote(strconv.FormatInt(id, 10)))
}
