package configs_test

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"framemill/configs"
	"framemill/pipeline"
)

func load(t *testing.T, src configs.Sources) configs.Config {
	t.Helper()
	cfg, err := configs.Load(src)
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

func yamlFile(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "framemill.yaml")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestDefaults(t *testing.T) {
	t.Parallel()
	cfg := load(t, configs.Sources{})
	cores := runtime.GOMAXPROCS(0)
	if cfg.Workers != cores || cfg.Slots != (configs.Slots{Interactive: cores, Bulk: cores, Background: 1}) {
		t.Errorf("workers %d, slots %+v; want the %d cores and 1 in the background", cfg.Workers, cfg.Slots, cores)
	}
	if got := cfg.OpsAddress(); got != "127.0.0.1:9080" {
		t.Errorf("OpsAddress() = %q, want a thousand above the API's on loopback", got)
	}
	if got := cfg.BlobDir(); got != "data/blobs" {
		t.Errorf("BlobDir() = %q, want data/blobs", got)
	}
}

func TestLayers(t *testing.T) {
	t.Parallel()
	file := yamlFile(t, "data: from-file\nshare: from-file\nui_dir: from-file\nlimits:\n  jobs: 7\n  json: 1MiB\n")
	cfg := load(t, configs.Sources{
		Environ: []string{
			"FRAMEMILL_CONFIG=" + file, "FRAMEMILL_SHARE=from-env", "FRAMEMILL_UI_DIR=from-env", "FRAMEMILL_DATA=",
			"FRAMEMILL_LIMITS_JOBS=8", "FRAMEMILL_FORCE_CACHE=true", "FRAMEMILL_DISK_WATERMARK=0.2", "FRAMEMILL_ON_ERROR=fail",
			"FRAMEMILL_LOCK=not-a-setting", "HOME=/root", "DATA=no",
		},
		Flags: map[string]any{"ui_dir": "from-flag", "workers": 3},
	})
	want := configs.Default()
	want.Data, want.Share, want.UIDir = "from-file", "from-env", "from-flag"
	want.Limits.Jobs, want.Limits.JSON = 8, configs.MiB
	want.ForceCache, want.DiskWatermark, want.OnError = true, 0.2, pipeline.ErrorFail
	want.Workers, want.Slots = 3, configs.Slots{Interactive: 3, Bulk: 3, Background: 1}
	if diff := cmp.Diff(want, cfg); diff != "" {
		t.Errorf("loaded, -want +got:\n%s", diff)
	}
}

func TestMistakes(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		yaml string
		env  []string
		want []string // lines of the error
	}{
		{
			name: "all at once",
			yaml: "listn: x\nlisten: nowhere\nlimits:\n  job: 1\n  json: big\n",
			env:  []string{"FRAMEMILL_WORKERS=many", "FRAMEMILL_FORCE_CACHE=perhaps"},
			want: []string{
				"limits.job in framemill.yaml: there is no such key, did you mean limits.jobs?",
				`limits.json in framemill.yaml: "big" is not an amount such as 10MiB or 25GiB`,
				"listn in framemill.yaml: there is no such key, did you mean listen?",
				`FRAMEMILL_FORCE_CACHE: "perhaps" is not true or false`,
				`FRAMEMILL_WORKERS: "many" is not a whole number`,
				`listen is "nowhere", want host:port, such as 127.0.0.1:8080 or :8080`,
			},
		},
		{name: "flag spelling in the file", yaml: "share-prefix: /x", want: []string{"share-prefix in framemill.yaml: there is no such key, did you mean share_prefix?"}},
		{name: "nothing alike", yaml: "zebra: 1", want: []string{"zebra in framemill.yaml: there is no such key"}},
		{name: "value in place of a section", yaml: "limits: 3", want: []string{"limits in framemill.yaml: is a section, write its keys below it"}},
		{name: "section in place of a value", yaml: "data:\n  x: 1", want: []string{"data.x in framemill.yaml: there is no such key, did you mean data?"}},
		{name: "number as a text", yaml: "server_version: 2.54", want: []string{"server_version in framemill.yaml: 2.54 is not a text, put it in quotes"}},
		{name: "list as a text", yaml: "share: [a, b]", want: []string{"share in framemill.yaml: [a b] is not a text, put it in quotes"}},
		{name: "version", yaml: "server_version: v2.54.1", want: []string{`server_version is "v2.54.1", want a plain version such as 2.54.1, or clients refuse to start`}},
		{name: "pre-release", yaml: "server_version: 2.54.1-dev", want: []string{`server_version is "2.54.1-dev", want a plain version such as 2.54.1, or clients refuse to start`}},
		{name: "policy", yaml: "on_error: ignore", want: []string{`on_error is "ignore", want skip or fail`}},
		{name: "watermark", yaml: "disk_watermark: 10", want: []string{"disk_watermark is 10, want 0 to 0.9"}},
		{name: "no number", yaml: "disk_watermark: .nan", want: []string{"disk_watermark is NaN, want 0 to 0.9"}},
		{name: "port", yaml: `ops_listen: "127.0.0.1:99999"`, want: []string{`ops_listen is "127.0.0.1:99999", want host:port, such as 127.0.0.1:8080 or :8080`}},
		{name: "workers", yaml: "workers: -1", want: []string{"workers is -1, want 0 to 1024"}},
		{name: "size", yaml: "limits: {file: 0}", want: []string{"limits.file is 0B, want 1KiB to 64TiB"}},
		{name: "prefix", yaml: "share_prefix: mnt", want: []string{`share_prefix is "mnt", want a path that begins with /`}},
		{
			name: "URLs are not repeated",
			yaml: "database_url: mysql://u:hunter2@h/d\nredis_url: \"http://:hunter2@h\"\nblob_url: ftp://u:hunter2@h",
			want: []string{
				"database_url names no place that is known, want it to begin with postgres:// or postgresql:// or sqlite:",
				"redis_url names no place that is known, want it to begin with redis:// or rediss:// or redis-sentinel:// or redis+cluster://",
				"blob_url names no place that is known, want it to begin with file:///",
			},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := configs.Load(configs.Sources{File: yamlFile(t, tt.yaml), Environ: tt.env})
			want := "the configuration is wrong:\n  " + strings.Join(tt.want, "\n  ")
			if err == nil {
				t.Fatalf("loaded, want the error:\n%s", want)
			}
			if diff := cmp.Diff(want, err.Error()); diff != "" {
				t.Errorf("error, -want +got:\n%s", diff)
			}
		})
	}
}

func TestUnreadableFile(t *testing.T) {
	t.Parallel()
	for _, file := range []string{filepath.Join(t.TempDir(), "absent.yaml"), yamlFile(t, "a: [b"), yamlFile(t, "just text")} {
		if _, err := configs.Load(configs.Sources{File: file}); err == nil || !strings.Contains(err.Error(), file) {
			t.Errorf("load %s: %v, want an error that names the file", file, err)
		}
	}
}

func TestEmptySection(t *testing.T) {
	t.Parallel()
	got := load(t, configs.Sources{File: yamlFile(t, "limits:\n  # jobs: 3\nslots: {}\ndata:\n")})
	if diff := cmp.Diff(load(t, configs.Sources{}), got); diff != "" {
		t.Errorf("a file of empty keys changed the defaults, -want +got:\n%s", diff)
	}
}

func TestUnknownFlag(t *testing.T) {
	t.Parallel()
	_, err := configs.Load(configs.Sources{Flags: map[string]any{"database": "x", "workers": "x"}})
	if err == nil || !strings.Contains(err.Error(), "--database: there is no such key") || !strings.Contains(err.Error(), `--workers: "x" is not a whole number`) {
		t.Errorf("Load = %v, want both flags named", err)
	}
}

// TestEmbeddedExample keeps the example complete and its values the defaults.
func TestEmbeddedExample(t *testing.T) {
	t.Parallel()
	if diff := cmp.Diff(load(t, configs.Sources{}), load(t, configs.Sources{File: "embedded.yaml"})); diff != "" {
		t.Errorf("embedded.yaml differs from the defaults, -default +file:\n%s", diff)
	}
	content, err := os.ReadFile("embedded.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for field := range strings.FieldsSeq(configs.Default().String()) {
		key, _, _ := strings.Cut(field, "=")
		if name := key[strings.LastIndexByte(key, '.')+1:]; !strings.Contains(string(content), name+":") {
			t.Errorf("embedded.yaml does not mention %s", key)
		}
	}
}

func TestClusterExample(t *testing.T) {
	t.Parallel()
	cfg := load(t, configs.Sources{File: "cluster.yaml"})
	if cfg.Slots != (configs.Slots{Interactive: 8, Bulk: 16, Background: 2}) {
		t.Errorf("slots %+v, want 8, 16 and 2", cfg.Slots)
	}
	if got := cfg.BlobDir(); got != "/srv/framemill/blobs" {
		t.Errorf("BlobDir() = %q", got)
	}
	if cfg.DatabaseURL == "" || cfg.RedisURL == "" {
		t.Error("the cluster has no database or no Redis of its own")
	}
}

func TestOpsAddress(t *testing.T) {
	t.Parallel()
	tests := []struct{ listen, ops, want string }{
		{":8080", "", "127.0.0.1:9080"},
		{"127.0.0.1:0", "", "127.0.0.1:0"},
		{"127.0.0.1:65535", "", "127.0.0.1:64535"},
		{":8080", "off", ""},
		{":8080", ":9090", ":9090"},
	}
	for _, tt := range tests {
		if got := (configs.Config{Listen: tt.listen, OpsListen: tt.ops}).OpsAddress(); got != tt.want {
			t.Errorf("API on %q, ops_listen %q: OpsAddress() = %q, want %q", tt.listen, tt.ops, got, tt.want)
		}
	}
}

func TestNoSecretIsPrinted(t *testing.T) {
	t.Parallel()
	urls := map[string]string{
		"postgres://framemill:hunter2@db:5432/f?sslmode=require":         "postgres://framemill:***@db:5432/f?sslmode=require",
		"postgres://framemill@db/f?password=hunter2&sslmode=require":     "postgres://framemill@db/f?password=***&sslmode=require",
		"postgres://framemill:hun/ter2@hunter2@db/f":                     "postgres://framemill:***@db/f",
		"redis://:hunter2@r:6379/0":                                      "redis://:***@r:6379/0",
		"redis-sentinel://u:hunter2@a:1,b:2/m?sentinel_password=hunter2": "redis-sentinel://u:***@a:1,b:2/m?sentinel_password=***",
		"redis://r:6379/0": "redis://r:6379/0",
	}
	for url, want := range urls {
		cfg := configs.Config{DatabaseURL: url, RedisURL: url, Key: "of no hun/ter2, but of hunter2 alone"}
		var log strings.Builder
		slog.New(slog.NewJSONHandler(&log, nil)).Info("configuration", "config", cfg)
		for _, text := range []string{cfg.String(), fmt.Sprintf("%v %+v %s", cfg, cfg, &cfg), log.String()} {
			if strings.Contains(text, "ter2") {
				t.Errorf("%s: printed as %s", url, text)
			}
		}
		if !strings.Contains(cfg.String(), "database_url="+want+" ") {
			t.Errorf("%s is printed in %s, want %s", url, cfg, want)
		}
	}
}

func TestBytes(t *testing.T) {
	t.Parallel()
	good := map[string]configs.Bytes{"0": 0, "1": 1, "1536": 1536, "3B": 3, "2KiB": 2048, "10 MiB": 10 << 20, "25GiB": 25 << 30, "1TiB": 1 << 40}
	for s, want := range good {
		got, err := configs.ParseBytes(s)
		if got != want || err != nil {
			t.Errorf("ParseBytes(%q) = %d, %v; want %d", s, got, err, want)
		}
		if again, err := configs.ParseBytes(got.String()); again != got || err != nil {
			t.Errorf("ParseBytes(%q), the text of %d, = %d, %v", got, got, again, err)
		}
	}
	for _, s := range []string{"", "MiB", "-1", "1.5GiB", "10MB", "1e3", "9223372036854775808", "9999999999TiB"} {
		if got, err := configs.ParseBytes(s); err == nil {
			t.Errorf("ParseBytes(%q) = %d, want an error", s, got)
		}
	}
}
