package api

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"regexp"
	"sync"

	"framemill/pipeline"
	"framemill/pipeline/hook"
	"framemill/pipeline/outgoing"
	"framemill/pipeline/source"
	"framemill/pipeline/store"
	"framemill/producer/access"
	"framemill/producer/receive"
	"framemill/producer/serve"
)

// Config is what an operator may choose of the API.
type Config struct {
	// Version is what clients are told to speak with. It must be a version as
	// PEP 440 spells it, or stock clients refuse to start.
	Version string
	// VersionByClient answers a client that names its own version with that
	// version, within the range that is spoken here.
	VersionByClient bool
	// SharePrefix is where clients believe the share to be mounted.
	SharePrefix string
	// OnError is the policy of requests that do not name one.
	OnError pipeline.OnError
	// ForceCache builds every chunk when it is first asked for.
	ForceCache bool
}

// Deps are what the API stands on.
type Deps struct {
	DB     *store.DB
	Access authenticator
	Share  shareLister // nil without a share
	Log    *slog.Logger

	Receive *receive.Receiver
	Serve   *serve.Server
	Kick    func() // wakes the relay after an ingest was accepted
	Hooks   *hook.Sender
	Clouds  *source.Storages
	Web     *outgoing.Client // judges addresses of files; nil = none are fetched
}

// authenticator tells who sent a request, and opens and ends logins.
type authenticator interface {
	// Authenticate returns nil without an error for nobody.
	Authenticate(r *http.Request) (*access.Principal, error)
	Login(r *http.Request, login, password string) (access.Session, error)
	Logout(r *http.Request) error
	ChangePassword(r *http.Request, user int64, old, password string) error
}

// Server answers the requests of the contract.
type Server struct {
	cfg Config
	Deps
	contractJSON func() ([]byte, error) // made once, when first asked for
}

// versionShape is the part of PEP 440 that every client version agrees about.
var versionShape = regexp.MustCompile(`^\d+\.\d+\.\d+(\+[a-z0-9]+(\.[a-z0-9]+)*)?$`)

// New returns a server. Every dependency but the share is needed.
func New(cfg Config, deps Deps) (*Server, error) {
	if !versionShape.MatchString(cfg.Version) {
		return nil, fmt.Errorf("server version %q is not of the form 2.54.1", cfg.Version)
	}
	if deps.DB == nil || deps.Access == nil || deps.Log == nil {
		return nil, errors.New("the API needs a database, an authenticator and a log")
	}
	if deps.Receive == nil || deps.Serve == nil || deps.Kick == nil || deps.Hooks == nil || deps.Clouds == nil {
		return nil, errors.New("the API needs a receiver, a server of bytes, a sender to webhooks, cloud storages and a way to wake the relay")
	}
	if cfg.OnError == "" {
		cfg.OnError = pipeline.ErrorSkip
	}
	return &Server{cfg: cfg, Deps: deps, contractJSON: sync.OnceValues(contractJSON)}, nil
}
