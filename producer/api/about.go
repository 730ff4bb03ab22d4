package api

import (
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"time"

	"framemill/pipeline"
)

// about is what the server says of itself. Clients need every field.
type about struct {
	Name        string `json:"name"`
	Description string `json:"description"`
	Version     string `json:"version"`
	LogoURL     string `json:"logo_url"`
	Subtitle    string `json:"subtitle"`
}

func (s *Server) about(w http.ResponseWriter, r *http.Request) error {
	version := s.cfg.Version
	if s.cfg.VersionByClient {
		w.Header().Add("Vary", "User-Agent")
		version = versionFor(r.UserAgent(), version)
	}
	return writeJSON(w, http.StatusOK, about{
		Name:        "Framemill",
		Description: "Takes in pictures by the million and hands out annotation jobs.",
		Version:     version,
	})
}

// The minor versions of the clients that this server speaks with.
const firstMinor, lastMinor = 54, 81

var clientToken = regexp.MustCompile(`\bcvat_sdk/2\.(\d{1,4})\.\d+`)

// versionFor returns the version under which a client works without a warning:
// its own if it is spoken here, else the configured one.
func versionFor(userAgent, configured string) string {
	tokens := clientToken.FindAllStringSubmatch(userAgent, -1)
	if len(tokens) == 0 {
		return configured
	}
	minor, err := strconv.Atoi(tokens[len(tokens)-1][1])
	if err != nil || minor < firstMinor || minor > lastMinor || configured[:min(len(configured), 5)] == fmt.Sprintf("2.%d.", minor) {
		return configured
	}
	return fmt.Sprintf("2.%d.0", minor)
}

// health answers as soon as the database does.
func (s *Server) health(w http.ResponseWriter, r *http.Request) error {
	if err := s.DB.Ping(r.Context()); err != nil {
		return pipeline.Errorf(pipeline.Transient, "the database does not answer").Because(err)
	}
	return writeJSON(w, http.StatusOK, struct{}{})
}

// plugins lists the optional parts that clients know of; none is here.
func plugins(w http.ResponseWriter, _ *http.Request) error {
	return writeJSON(w, http.StatusOK, map[string]bool{
		"ANALYTICS": false, "GIT_INTEGRATION": false, "MODELS": false, "PREDICT": false,
	})
}

// format is a format of annotations.
type format struct {
	Name      string `json:"name"`
	Ext       string `json:"ext"`
	Version   string `json:"version"`
	Enabled   bool   `json:"enabled"`
	Dimension string `json:"dimension"`
}

// formats lists formats that clients look for; none is enabled, as nothing is
// exported or imported here.
func formats(w http.ResponseWriter, _ *http.Request) error {
	known := []format{
		{Name: "COCO 1.0", Ext: "JSON, ZIP", Version: "1.0", Dimension: "2d"},
		{Name: "CVAT 1.1", Ext: "XML, ZIP", Version: "1.1", Dimension: "2d"},
		{Name: "Datumaro 1.0", Ext: "ZIP", Version: "1.0", Dimension: "2d"},
	}
	return writeJSON(w, http.StatusOK, map[string][]format{"importers": known, "exporters": known})
}

// dropEvents accepts a client's telemetry and keeps none of it. It is the one
// write that may vanish: nothing of anybody's work is in it.
func dropEvents(w http.ResponseWriter, _ *http.Request) error {
	return writeJSON(w, http.StatusCreated, struct {
		Events    []struct{} `json:"events"`
		Timestamp string     `json:"timestamp"`
	}{Events: []struct{}{}, Timestamp: iso(pipeline.Micros(time.Now().UnixMicro()))})
}
