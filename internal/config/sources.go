package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/knadh/koanf/maps"
	"gopkg.in/yaml.v3"

	"rapport/internal/fault"
)

// values hands a flat map to koanf.
type values map[string]any

// ReadBytes is not what this provider does.
func (values) ReadBytes() ([]byte, error) { return nil, errors.New("settings are read as a map") }

// Read gives the nested map that koanf merges.
func (v values) Read() (map[string]any, error) { return maps.Unflatten(v, "."), nil }

func fromFile(path string) (map[string]any, error) {
	if path == "" {
		return nil, nil
	}
	b, err := readFile(path)
	if err != nil {
		return nil, err
	}
	nested := map[string]any{}
	d := yaml.NewDecoder(bytes.NewReader(b))
	if err := d.Decode(&nested); err != nil && !errors.Is(err, io.EOF) {
		return nil, fault.Errorf(fault.Invalid, "invalid_config", "settings file %s is not YAML: %s", path, firstLine(err))
	}
	flat, _ := maps.Flatten(nested, nil, ".")
	for key := range flat {
		if !known(key) || key == fileKey {
			return nil, unknown("key "+key+" in "+path, nearest(key, func(s Setting) string { return s.Key }))
		}
	}
	return flat, nil
}

// fromEnviron takes the RAPPORT_ variables. Those that Kubernetes makes for a
// service called rapport are no settings.
func fromEnviron(environ []string) (map[string]string, error) {
	keys := map[string]string{envPrefix + "CONFIG": fileKey}
	for _, s := range Settings() {
		keys[s.Env()] = s.Key
	}
	out := map[string]string{}
	for _, pair := range environ {
		name, value, _ := strings.Cut(pair, "=")
		switch key, ok := keys[name]; {
		case !strings.HasPrefix(name, envPrefix), isKubernetes(name), isForTests(name):
		case !ok:
			return nil, unknown("environment variable "+name, nearest(name, Setting.Env))
		case value != "":
			out[key] = value
		}
	}
	return out, nil
}

func isKubernetes(name string) bool {
	rest := strings.TrimPrefix(name, envPrefix)
	return rest == "PORT" || strings.HasPrefix(rest, "PORT_") || strings.HasPrefix(rest, "SERVICE_")
}

// isForTests tells the variables that the project's own tests read: a shell
// that has them set is no reason to refuse to start.
func isForTests(name string) bool {
	switch strings.TrimPrefix(name, envPrefix) {
	case "TESTDATA", "SOAK", "BINARY", "BENCH":
		return true
	}
	return false
}

func fromFlags(flags map[string]string) (map[string]any, error) {
	out := map[string]any{}
	for key, value := range flags {
		if !known(key) {
			return nil, unknown("flag --"+flagName(key), "--"+nearest(flagName(key), Setting.Flag))
		}
		if key != fileKey {
			out[key] = value
		}
	}
	return out, nil
}

func withoutFile(m map[string]string) map[string]any {
	out := map[string]any{}
	for k, v := range m {
		if k != fileKey {
			out[k] = v
		}
	}
	return out
}

func unknown(what, near string) error {
	return fault.Errorf(fault.Invalid, "unknown_setting", "%s", fmt.Sprintf("unknown %s: did you mean %s?", what, near))
}
