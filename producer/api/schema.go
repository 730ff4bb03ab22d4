package api

import (
	"embed"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"framemill/pipeline"
)

// documents holds the public contract as it is, and the paths of ours as lines
// that fit at the end of its paths.
//
//go:embed schema/*.yml
var documents embed.FS

// Contract returns the OpenAPI document of this server: the public contract,
// our additions under the tag framemill, and our event among those of webhooks.
func Contract() ([]byte, error) {
	contract, err := documents.ReadFile("schema/contract.yml")
	if err != nil {
		return nil, err
	}
	added, err := documents.ReadFile("schema/framemill.yml")
	if err != nil {
		return nil, err
	}
	paths, components, ok := strings.Cut(string(contract), "\ncomponents:\n")
	if !ok {
		return nil, fmt.Errorf("the contract has no components behind its paths")
	}
	events, more, ok := strings.Cut(components, "    EventsEnum:\n      enum:\n")
	if !ok {
		return nil, fmt.Errorf("the contract has no events of webhooks")
	}
	components = events + "    EventsEnum:\n      enum:\n      - '" + string(pipeline.EventIngested) + "'\n" + more
	return []byte(paths + "\n" + string(added) + "components:\n" + components), nil
}

// contractJSON is Contract as JSON.
func contractJSON() ([]byte, error) {
	text, err := Contract()
	if err != nil {
		return nil, err
	}
	var v any
	if err := yaml.Unmarshal(text, &v); err != nil {
		return nil, fmt.Errorf("read the contract: %w", err)
	}
	return json.Marshal(v)
}

// schema answers with the OpenAPI document, as YAML unless JSON is asked for.
func (s *Server) schema(w http.ResponseWriter, r *http.Request) error {
	kind, text := "application/vnd.oai.openapi", Contract
	if q := r.URL.Query(); q.Get("scheme") == "json" || q.Get("format") == "json" {
		kind, text = "application/vnd.oai.openapi+json", s.contractJSON
	}
	body, err := text()
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	_, err = w.Write(body)
	return err
}
