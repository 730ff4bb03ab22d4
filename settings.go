package main

import (
	"log/slog"
	"os"
	"path/filepath"

	"framemill/configs"
)

// settings are the flags that every command with a database understands. Each
// is also a variable FRAMEMILL_… of the environment and a key of the YAML file.
type settings struct {
	Config      string  `help:"YAML file with settings." type:"existingfile" placeholder:"FILE" env:"FRAMEMILL_CONFIG"`
	Data        *string `help:"Folder for everything that has no place of its own (data)." placeholder:"DIR"`
	DatabaseURL *string `help:"postgres://…, or sqlite:PATH. Default: SQLite below the data folder." placeholder:"URL"`
	RedisURL    *string `help:"redis://…, redis-sentinel://…, redis+cluster://…. Default: inside the process." placeholder:"URL"`
	BlobURL     *string `help:"Where files are kept: file:///DIR. Default: below the data folder." placeholder:"URL"`
	LogJSON     bool    `help:"Log as JSON." env:"FRAMEMILL_LOG_JSON"`
	Verbose     bool    `short:"v" help:"Log more."`
}

// roleSettings are the flags of the roles.
type roleSettings struct {
	settings
	Share         *string `help:"Folder whose files tasks may name." placeholder:"DIR"`
	SharePrefix   *string `help:"Where clients believe the share is mounted (/mnt/share)." placeholder:"PATH"`
	ServerVersion *string `help:"Version told to clients (2.54.1)." placeholder:"X.Y.Z"`
	VersionByCli  *bool   `name:"version-by-client" help:"Tell each client the version that it was made for."`
	EgressAllow   *string `help:"Networks and hosts that users may name although they are not public." placeholder:"CIDR,…"`
	UIDir         *string `name:"ui-dir" help:"Folder with a web client to serve." placeholder:"DIR"`
	Workers       *int    `help:"Units at a time in each lane (number of cores)." placeholder:"N"`
	OpsListen     *string `help:"Address of metrics, health details and profiles, or off." placeholder:"ADDR"`
}

// load reads the settings: file, environment, flags.
func (s *settings) load(more map[string]any) (configs.Config, error) {
	flags := make(map[string]any)
	set(flags, "data", s.Data)
	set(flags, "database_url", s.DatabaseURL)
	set(flags, "redis_url", s.RedisURL)
	set(flags, "blob_url", s.BlobURL)
	for k, v := range more {
		flags[k] = v
	}
	return configs.Load(configs.Sources{File: s.Config, Environ: os.Environ(), Flags: flags})
}

func (s *roleSettings) load(listen *string) (configs.Config, error) {
	flags := make(map[string]any)
	set(flags, "listen", listen)
	set(flags, "share", s.Share)
	set(flags, "share_prefix", s.SharePrefix)
	set(flags, "server_version", s.ServerVersion)
	set(flags, "version_by_client", s.VersionByCli)
	set(flags, "egress_allow", s.EgressAllow)
	set(flags, "ui_dir", s.UIDir)
	set(flags, "workers", s.Workers)
	set(flags, "ops_listen", s.OpsListen)
	return s.settings.load(flags)
}

// set puts a flag that was given into the map.
func set[T any](flags map[string]any, key string, value *T) {
	if value != nil {
		flags[key] = *value
	}
}

// logger returns the process's log, on standard error.
func (s *settings) logger() *slog.Logger {
	o := &slog.HandlerOptions{}
	if s.Verbose {
		o.Level = slog.LevelDebug
	}
	if s.LogJSON {
		return slog.New(slog.NewJSONHandler(os.Stderr, o))
	}
	return slog.New(slog.NewTextHandler(os.Stderr, o))
}

// databaseURL returns the database to use: the one that is named, or SQLite
// below the data folder, which is made.
func databaseURL(cfg configs.Config) (string, error) {
	if cfg.DatabaseURL != "" {
		return cfg.DatabaseURL, nil
	}
	if err := os.MkdirAll(cfg.Data, 0o700); err != nil {
		return "", err
	}
	return "sqlite:" + filepath.Join(cfg.Data, "framemill.db"), nil
}
