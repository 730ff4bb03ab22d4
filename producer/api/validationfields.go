package api

import (
	"encoding/json"
	"math"
	"strconv"

	"framemill/pipeline"
	"framemill/pipeline/plan"
)

// validationParams is what a data request says about the validation set to
// make. What is nil or empty was not sent.
type validationParams struct {
	mode, method       string
	files              []string
	count, perJobCount *int64
	share, perJobShare *float64
	seed               *uint64
}

// validation reads the parameters of a validation set; null means none.
func validation(to **validationParams) fieldReader {
	return func(dec *json.Decoder) error {
		t, err := dec.Token()
		switch {
		case err != nil:
			return err
		case t == nil || t == "":
			return nil
		case t != json.Delim('{'):
			return badValue("Expected an object.")
		}
		in := &validationParams{method: pipeline.SelectUniform}
		if err := readMembers(dec, in.fields()); err != nil {
			return inside("validation_params", err)
		}
		*to = in
		return nil
	}
}

// inside names the outer field in an error about a field within its object.
func inside(outer string, err error) error {
	if e := pipeline.Public(err); e.Kind == pipeline.Invalid && e.Field != "detail" {
		return pipeline.FieldErrorf(outer, "%s: %s", e.Field, e.Text)
	}
	return err
}

func (in *validationParams) fields() map[string]fieldReader {
	const belowOne = "Ensure this value is greater than or equal to 1."
	return map[string]fieldReader{
		"mode":                   words(&in.mode, pipeline.ValidationTruth, pipeline.ValidationPool),
		"frame_selection_method": words(&in.method, pipeline.SelectUniform, pipeline.SelectPerJob, pipeline.SelectManual),
		"frames":                 names(&in.files),
		"frame_count":            whole(&in.count, 1, math.MaxInt32, belowOne),
		"frame_share":            fraction(&in.share),
		"frames_per_job_count":   whole(&in.perJobCount, 1, math.MaxInt32, belowOne),
		"frames_per_job_share":   fraction(&in.perJobShare),
		"random_seed":            seedField(&in.seed),
	}
}

// frozen returns the validation set as it is kept with the request; random is
// the seed if the client has not sent one.
func (in *validationParams) frozen(random uint64) (*pipeline.Validation, error) {
	if in == nil {
		return nil, nil
	}
	if in.mode == "" {
		return nil, pipeline.FieldErrorf("validation_params", "mode: This field is required.")
	}
	v := &pipeline.Validation{
		Mode: in.mode, Method: in.method, Files: in.files, Count: in.count, Share: in.share,
		PerJobCount: in.perJobCount, PerJobShare: in.perJobShare, Seed: random,
	}
	if in.seed != nil {
		v.Seed = *in.seed
	}
	if err := plan.CheckValidation(v); err != nil {
		return nil, inside("validation_params", err)
	}
	return v, nil
}

// fraction reads a number that may have a fraction.
func fraction(to **float64) fieldReader {
	return func(dec *json.Decoder) error {
		wrong := badValue("A valid number is required.")
		text, err := numeral(dec, wrong)
		if err != nil || text == "" {
			return err
		}
		f, err := strconv.ParseFloat(text, 64)
		if err != nil || math.IsNaN(f) {
			return wrong
		}
		*to = &f
		return nil
	}
}

// seedField reads the seed of a random generator.
func seedField(to **uint64) fieldReader {
	return func(dec *json.Decoder) error {
		text, err := numeral(dec, errInteger)
		if err != nil || text == "" {
			return err
		}
		n, err := seedOf(text)
		if err == nil {
			*to = &n
		}
		return err
	}
}

// numeral reads a number as it was written, also if it was written as text.
func numeral(dec *json.Decoder, wrong error) (string, error) {
	t, err := scalar(dec, wrong)
	if err != nil {
		return "", err
	}
	switch v := t.(type) {
	case json.Number:
		return v.String(), nil
	case string:
		return v, nil
	}
	return "", wrong
}
