package configs

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/knadh/koanf/parsers/yaml"
	"github.com/knadh/koanf/providers/env/v2"
	"github.com/knadh/koanf/providers/file"
	"github.com/knadh/koanf/providers/structs"
	"github.com/knadh/koanf/v2"

	"framemill/pipeline"
)

const envPrefix = "FRAMEMILL_"

// Sources are where settings come from.
type Sources struct {
	File    string         // a YAML file; if empty, FRAMEMILL_CONFIG of the environment names it
	Environ []string       // as os.Environ returns it
	Flags   map[string]any // those that were given, by their key in the file
}

// Load reads all sources. Its error reports every mistake at once, each with
// the name under which it was written and what is allowed there.
func Load(src Sources) (Config, error) {
	l := loader{merged: layerOf(Default())}
	l.file(cmp.Or(src.File, lookup(src.Environ, envPrefix+"CONFIG")))
	l.environment(src.Environ)
	l.flags(src.Flags)

	var cfg Config
	if err := l.merged.Unmarshal("", &cfg); err != nil {
		return Config{}, fmt.Errorf("read the configuration: %w", err)
	}
	mistakes := append(l.mistakes, cfg.mistakes()...)
	if len(mistakes) > 0 {
		return Config{}, errors.New("the configuration is wrong:\n  " + strings.Join(mistakes, "\n  "))
	}
	return cfg.withCores(runtime.GOMAXPROCS(0)), nil
}

// layerOf returns the settings of c by key.
func layerOf(c Config) *koanf.Koanf {
	k := koanf.New(".")
	_ = k.Load(structs.Provider(c, "koanf"), nil) // a struct in memory is always readable
	return k
}

// loader lays one source over another.
type loader struct {
	merged   *koanf.Koanf
	mistakes []string
}

func (l *loader) mistakef(format string, args ...any) {
	l.mistakes = append(l.mistakes, fmt.Sprintf(format, args...))
}

func (l *loader) file(path string) {
	if path == "" {
		return
	}
	k := koanf.New(".")
	if err := k.Load(file.Provider(path), yaml.Parser()); err != nil {
		l.mistakef("%s: %v", path, err)
		return
	}
	for _, key := range k.Keys() {
		l.set(key, key+" in "+filepath.Base(path), k.Get(key))
	}
}

// environment takes the variables that are settings. Others with the prefix
// belong to somebody else, and an empty one counts as unset.
func (l *loader) environment(environ []string) {
	names := make(map[string]string)
	for _, key := range l.merged.Keys() {
		names[envName(key)] = key
	}
	k := koanf.New(".")
	_ = k.Load(env.Provider(".", env.Opt{ // strings in memory are always readable
		Prefix:      envPrefix,
		EnvironFunc: func() []string { return environ },
		TransformFunc: func(name, value string) (string, any) {
			if value == "" {
				return "", nil
			}
			return names[name], value
		},
	}), nil)
	for _, key := range k.Keys() {
		l.set(key, envName(key), k.Get(key))
	}
}

func (l *loader) flags(flags map[string]any) {
	for _, key := range slices.Sorted(maps.Keys(flags)) {
		l.set(key, "--"+strings.ReplaceAll(key, "_", "-"), flags[key])
	}
}

// set lays one value over what was there; at is where it was written.
func (l *loader) set(key, at string, value any) {
	known := l.merged.Keys()
	section, isMap := value.(map[string]any)
	switch {
	case !l.merged.Exists(key):
		l.mistakef("%s: there is no such key%s", at, nearest(key, known))
		return
	case value == nil || isMap && len(section) == 0: // all that stood here is commented out
		return
	case !slices.Contains(known, key):
		l.mistakef("%s: is a section, write its keys below it", at)
		return
	}
	v, err := convert(value, l.merged.Get(key))
	if err != nil {
		l.mistakef("%s: %v", at, err)
		return
	}
	_ = l.merged.Set(key, v) // a known key can be set
}

// convert turns a value as YAML, the environment or a flag has it into the
// type of the setting, which like has.
func convert(value, like any) (any, error) {
	s := fmt.Sprint(value)
	switch like.(type) {
	case bool:
		return parsed(s, strconv.ParseBool, "true or false")
	case int:
		return parsed(s, strconv.Atoi, "a whole number")
	case float64:
		return parsed(s, func(s string) (float64, error) { return strconv.ParseFloat(s, 64) }, "a number")
	case Bytes:
		return ParseBytes(s)
	case pipeline.OnError:
		return pipeline.OnError(s), nil
	}
	if _, ok := value.(string); !ok {
		return nil, fmt.Errorf("%s is not a text, put it in quotes", s)
	}
	return s, nil
}

func parsed[T any](s string, parse func(string) (T, error), want string) (any, error) {
	v, err := parse(s)
	if err != nil {
		return nil, fmt.Errorf("%q is not %s", s, want)
	}
	return v, nil
}

func envName(key string) string {
	return envPrefix + strings.ToUpper(strings.ReplaceAll(key, ".", "_"))
}

func lookup(environ []string, name string) string {
	for _, e := range environ {
		if v, ok := strings.CutPrefix(e, name+"="); ok {
			return v
		}
	}
	return ""
}
