// Package configs reads the settings of Framemill: defaults, then a YAML file,
// then the environment, then flags, each over the one before. A key of the file
// such as database_url is FRAMEMILL_DATABASE_URL in the environment and
// --database-url on the command line; limits.jobs is FRAMEMILL_LIMITS_JOBS.
//
// The folder also holds an example file for each way to run.
package configs

import (
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"framemill/pipeline"
)

// Config is every setting. Load returns it complete: what depends on the
// machine is filled in.
type Config struct {
	// Listen is the address of the public API.
	Listen string `koanf:"listen"`
	// OpsListen is the address of metrics, health details and profiles, or
	// "off". It carries no authentication, so it belongs on loopback. Empty
	// means loopback and a port derived from that of the API; see OpsAddress.
	OpsListen string `koanf:"ops_listen"`
	// Data is the folder for everything that has no place of its own: the
	// embedded database, blobs, keys.
	Data string `koanf:"data"`
	// DatabaseURL names a Postgres, or one SQLite file as sqlite:PATH. Empty
	// means SQLite below Data.
	DatabaseURL string `koanf:"database_url"`
	// RedisURL names a Redis, a Sentinel group or a Cluster. Empty means a
	// Redis inside the process, which then must be the only one.
	RedisURL string `koanf:"redis_url"`
	// BlobURL says where blobs lie: file:///folder. Empty means below Data.
	BlobURL string `koanf:"blob_url"`
	// Key is what secrets in the database are encrypted under: a long random
	// text, the same for every process. Empty means a file below Data, which
	// framemill up makes.
	Key string `koanf:"key"`
	// Share is the folder whose files tasks may name; empty means none.
	Share string `koanf:"share"`
	// SharePrefix is where clients believe the share is mounted. It is taken
	// off the paths that they send.
	SharePrefix string `koanf:"share_prefix"`
	// ServerVersion is the version told to clients, which choose their
	// behaviour by it.
	ServerVersion string `koanf:"server_version"`
	// VersionByClient tells each client the version that it was made for.
	VersionByClient bool `koanf:"version_by_client"`
	// EgressAllow are the networks, addresses and names of hosts, separated by
	// commas, that users may name although they are not public.
	EgressAllow string `koanf:"egress_allow"`
	// UIDir is a folder with the files of a web client to serve; empty means
	// none.
	UIDir string `koanf:"ui_dir"`
	// Decoder is the path of framemill-decoder, or "off" to do without. Empty
	// means the file of that name beside this program.
	Decoder string `koanf:"decoder"`
	// Workers is how many units a consumer works on at once in each lane that
	// Slots leaves open; 0 in a file or flag means the number of cores.
	Workers int `koanf:"workers"`
	// Slots sets single lanes apart.
	Slots Slots `koanf:"slots"`
	// OnError is what becomes of an ingest with some bad files, unless the
	// request says otherwise: skip reports them, fail ends it.
	OnError pipeline.OnError `koanf:"on_error"`
	// ForceCache builds chunks when they are read, whatever use_cache of a
	// request says.
	ForceCache bool `koanf:"force_cache"`
	// DiskWatermark is the share of the disk, from 0 to 0.9, that stays free:
	// below it no new media are accepted.
	DiskWatermark float64 `koanf:"disk_watermark"`
	// Limits bound what one request may ask for.
	Limits Limits `koanf:"limits"`
}

// Slots are how many units of a lane a consumer works on at once; 0 in a file
// means by Workers.
type Slots struct {
	Interactive int `koanf:"interactive"`
	Bulk        int `koanf:"bulk"`
	Background  int `koanf:"background"`
}

// Limits bound what one request may ask for. Bytes may be written like 25GiB.
type Limits struct {
	JSON     Bytes `koanf:"json"`      // a JSON body
	DataJSON Bytes `koanf:"data_json"` // a JSON body that lists media
	File     Bytes `koanf:"file"`      // an uploaded file
	Jobs     int   `koanf:"jobs"`      // of a task
	Replicas int   `koanf:"replicas"`  // of a job
	Pixels   int   `koanf:"pixels"`    // of a picture
}

// Default returns the settings of the embedded way to run.
func Default() Config {
	return Config{
		Listen:        "127.0.0.1:8080",
		Data:          "data",
		SharePrefix:   "/mnt/share",
		ServerVersion: "2.54.1",
		OnError:       pipeline.ErrorSkip,
		DiskWatermark: 0.1,
		Limits: Limits{
			JSON: 10 * MiB, DataJSON: 100 * MiB, File: 25 * GiB,
			Jobs: 5000, Replicas: 11, Pixels: 256_000_000,
		},
	}
}

// opsPort is a thousand above or below the port of the API. The next port
// would be wrong: a stock client probes it and expects it closed.
func opsPort(api int) int {
	if api > 65535-1000 {
		return api - 1000
	}
	return api + 1000
}

// OpsAddress returns where metrics and health details listen, "" for nowhere.
func (c Config) OpsAddress() string {
	switch c.OpsListen {
	case "off":
		return ""
	case "":
		port, _ := portOf(c.Listen)
		if port != 0 { // 0 is any free port, for both
			port = opsPort(port)
		}
		return net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	}
	return c.OpsListen
}

// BlobDir returns the folder of the blobs.
func (c Config) BlobDir() string {
	if dir, ok := strings.CutPrefix(c.BlobURL, "file://"); ok {
		return filepath.Clean(dir)
	}
	return filepath.Join(c.Data, "blobs")
}

// withCores fills in what depends on the number of cores.
func (c Config) withCores(cores int) Config {
	if c.Workers == 0 {
		c.Workers = cores
	}
	for _, slot := range []*int{&c.Slots.Interactive, &c.Slots.Bulk} {
		if *slot == 0 {
			*slot = c.Workers
		}
	}
	if c.Slots.Background == 0 {
		c.Slots.Background = 1
	}
	return c
}

// String lists all settings, without passwords.
func (c Config) String() string {
	k := layerOf(c)
	var b strings.Builder
	for _, key := range k.Keys() {
		if b.Len() > 0 {
			b.WriteByte(' ')
		}
		value := redact(fmt.Sprint(k.Get(key)))
		if key == "key" && value != "" {
			value = "***"
		}
		fmt.Fprintf(&b, "%s=%s", key, value)
	}
	return b.String()
}

// LogValue keeps passwords out of structured logs.
func (c Config) LogValue() slog.Value { return slog.StringValue(c.String()) }

// redact takes the passwords out of a URL. The URL may be malformed, so it is
// not parsed: everything up to the last @ counts as credentials.
func redact(s string) string {
	userinfo := regexp.MustCompile(`(://[^:@/?]*):[^?]*@`)
	query := regexp.MustCompile(`(?i)([?&][a-z_]*(?:pass|password|secret|token|key)=)[^&]*`)
	return query.ReplaceAllString(userinfo.ReplaceAllString(s, "$1:***@"), "$1***")
}
