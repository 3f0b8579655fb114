package config_test

import (
	"errors"
	"flag"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"rapport/internal/config"
	"rapport/internal/fault"
)

var update = flag.Bool("update", false, "write the reference anew")

func write(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "rapport.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestLoad_DefaultsAreComplete(t *testing.T) {
	t.Parallel()
	c, err := config.Load(config.Input{Machine: 8 << 30})
	if err != nil {
		t.Fatal(err)
	}
	if c.Data != "./rapport-data" || c.Listen != "127.0.0.1:8080" || c.Store != "embedded" {
		t.Errorf("defaults: %+v", c)
	}
	if c.Memory != 4<<30 {
		t.Errorf("memory %s, want half of the machine's 8GiB", c.Memory)
	}
	if c.Wait.Timeout != 5*time.Second || c.HTTP.MaxBodyBytes != 1<<20 {
		t.Errorf("defaults: %+v %+v", c.Wait, c.HTTP)
	}
}

func TestLoad_FlagsWinOverEnvironmentOverFile(t *testing.T) {
	t.Parallel()
	path := write(t, "listen: 127.0.0.1:1\nmemory: 1GiB\ndata: from-file\nlog:\n  level: warn\n")
	c, err := config.Load(config.Input{
		Environ: []string{"RAPPORT_LISTEN=127.0.0.1:2", "RAPPORT_MEMORY=2GiB", "RAPPORT_CONFIG=" + path, "HOME=/"},
		Flags:   map[string]string{"listen": "127.0.0.1:3"},
	})
	if err != nil {
		t.Fatal(err)
	}
	if c.Listen != "127.0.0.1:3" {
		t.Errorf("listen %s, want the flag's", c.Listen)
	}
	if c.Memory != 2<<30 {
		t.Errorf("memory %s, want the environment's", c.Memory)
	}
	if c.Data != "from-file" || c.Log.Level != "warn" {
		t.Errorf("data %s level %s, want the file's", c.Data, c.Log.Level)
	}
	if c.Log.Format != "text" {
		t.Errorf("format %s, want the default", c.Log.Format)
	}
}

func TestLoad_UnknownKeysNameTheNearest(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		in   config.Input
		want string
	}{
		"file":        {config.Input{Flags: map[string]string{"config": write(t, "lisen: x\n")}}, "listen"},
		"group":       {config.Input{Flags: map[string]string{"config": write(t, "log:\n  leve: x\n")}}, "log.level"},
		"environment": {config.Input{Environ: []string{"RAPPORT_MEMROY=1"}}, "RAPPORT_MEMORY"},
		"flag":        {config.Input{Flags: map[string]string{"secretkey": "x"}}, "--secret-key"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := config.Load(c.in)
			if err == nil || !strings.Contains(err.Error(), "did you mean "+c.want+"?") {
				t.Errorf("got %v, want it to name %s", err, c.want)
			}
		})
	}
}

func TestLoad_WhatKubernetesSetsIsNoSetting(t *testing.T) {
	t.Parallel()
	_, err := config.Load(config.Input{Environ: []string{
		"RAPPORT_PORT=tcp://10.0.0.1:80", "RAPPORT_SERVICE_HOST=10.0.0.1", "RAPPORT_PORT_80_TCP=x",
	}})
	if err != nil {
		t.Fatal(err)
	}
}

func TestLoad_BadValuesAreFaultsThatNameTheKey(t *testing.T) {
	t.Parallel()
	for key, value := range map[string]string{
		"listen": "nowhere", "store": "mongodb://x", "memory": "1MiB", "log.level": "loud", "log.format": "xml",
		"queue.requests": "0", "wait.timeout": "1h", "http.public_url": "https://events.example.com/", "http.read_timeout": "0s", "http.stop_timeout": "-1s",
		"http.max_body_bytes": "1", "write_key": "a b", "secret_key": "a b",
	} {
		_, err := config.Load(config.Input{Flags: map[string]string{key: value}})
		f, ok := errors.AsType[*fault.Fault](err)
		if !ok || f.Kind != fault.Invalid || f.Field != key {
			t.Errorf("%s=%s: got %v", key, value, err)
		}
		if strings.HasSuffix(key, "_key") && strings.Contains(err.Error(), value) {
			t.Errorf("%s: the error shows the key", key)
		}
	}
	for _, in := range []map[string]string{{"memory": "lots"}, {"queue.requests": "many"}, {"config": "/no/such/file"}} {
		if _, err := config.Load(config.Input{Flags: in}); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%v: got %v", in, err)
		}
	}
	if _, err := config.Load(config.Input{Flags: map[string]string{"config": write(t, "a: [")}}); fault.KindOf(err) != fault.Invalid {
		t.Errorf("broken YAML: got %v", err)
	}
}

func TestLoad_RefusesTablesThatCannotBeWritten(t *testing.T) {
	t.Parallel()
	const database = "postgres://me:hidden@db/x"
	for _, c := range []struct{ key, store, url, schema, flush string }{
		{"tables.url", "embedded", "store", "rapport_views", "2s"},
		{"tables.url", database, "mysql://me:hidden@db/x", "rapport_views", "2s"},
		{"tables.schema", database, "store", "public", "2s"},
		{"tables.schema", database, "store", `Views"`, "2s"},
		{"tables.schema", database, "store", "pg_views", "2s"},
		{"tables.flush", database, "store", "rapport_views", "1ms"},
		{"", database, "store", "rapport_views", "2s"},
		{"", "embedded", database, "views", "1m"},
	} {
		l, err := config.Load(config.Input{Flags: map[string]string{"store": c.store, "tables.url": c.url, "tables.schema": c.schema, "tables.flush": c.flush}})
		f, ok := errors.AsType[*fault.Fault](err)
		if c.key == "" && err != nil || c.key != "" && (!ok || f.Kind != fault.Invalid || f.Field != c.key) {
			t.Errorf("%+v: got %v", c, err)
		}
		if err != nil && strings.Contains(err.Error(), "hidden") || err == nil && strings.Contains(l.Explain(), "hidden") {
			t.Errorf("%+v: the password is shown", c)
		}
	}
}

func TestExplain_ShowsOriginsAndHidesSecrets(t *testing.T) {
	t.Parallel()
	c, err := config.Load(config.Input{
		Environ: []string{"RAPPORT_SECRET_KEY=rp_sk_0123456789abcdef"},
		Flags:   map[string]string{"listen": "127.0.0.1:9"},
	})
	if err != nil {
		t.Fatal(err)
	}
	table := c.Explain()
	if strings.Contains(table, "0123456789abcdef") {
		t.Error("the table shows the secret key")
	}
	for _, s := range config.Settings() {
		if !strings.Contains(table, s.Key) {
			t.Errorf("no row for %s in\n%s", s.Key, table)
		}
	}
	for line := range strings.SplitSeq(table, "\n") {
		if strings.HasPrefix(line, "listen ") && !strings.HasSuffix(line, "flag") {
			t.Errorf("origin of listen: %q", line)
		}
	}
}

func TestReference_FileIsCurrent(t *testing.T) {
	t.Parallel()
	const path = "../../docs/reference/config.md"
	if *update {
		if err := os.WriteFile(path, []byte(config.Reference()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil || string(got) != config.Reference() {
		t.Errorf("docs/reference/config.md is stale (%v): run go generate ./internal/config", err)
	}
}

func TestBudget_SharesAddUpAndLeaveHeadRoom(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		total := config.Size(rapid.Int64Range(int64(config.MinMemory), 1<<40).Draw(t, "total"))
		b := config.NewBudget(total)
		sum := config.Size(0)
		for _, s := range b.Shares() {
			if s.Size <= 0 {
				t.Fatalf("share %s of %s is %d", s.Name, total, s.Size)
			}
			sum += s.Size
		}
		if sum != total {
			t.Fatalf("shares of %d add up to %d", total, sum)
		}
		if live := b.People + b.Queues + b.HTTP; b.HeadRoom*3 < live {
			t.Fatalf("head room %s for a live heap of %s", b.HeadRoom, live)
		}
	})
}

func TestMemoryFor_GivesColumnsEnoughAndNotMuchMore(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		columns := config.Size(rapid.Int64Range(1, 8<<30).Draw(t, "columns"))
		total := config.MemoryFor(columns)
		if less := total - 256<<20; config.NewBudget(total).Columns < columns || less > 0 && config.NewBudget(less).Columns >= columns {
			t.Fatalf("%s for columns of %s", total, columns)
		}
	})
}

func TestSize_TextIsReadBack(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]config.Size{
		"512MiB": 512 << 20, "6GiB": 6 << 30, "6 gib": 6 << 30, "1.5G": 3 << 29, "100": 100, "2kB": 2000, "7b": 7, "1TB": 1e12,
	} {
		if got, err := config.ParseSize(text); err != nil || got != want {
			t.Errorf("%s: got %d, %v, want %d", text, got, err, want)
		}
	}
	for _, text := range []string{"", "MiB", "-1", "1e40", "NaN", "12XB"} {
		if got, err := config.ParseSize(text); err == nil {
			t.Errorf("%q: got %d, want an error", text, got)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		n := config.Size(rapid.Int64Range(1, 1<<20).Draw(t, "n")) << 20
		if got, err := config.ParseSize(n.String()); err != nil || got < n/100*90 || got > n/100*110 {
			t.Fatalf("%d as %s is read as %d, %v", n, n, got, err)
		}
	})
}

func TestLoad_AnOpenIDProviderLetsNotTheWholeWorldIn(t *testing.T) {
	t.Parallel()
	base := map[string]string{"oidc.issuer": "https://login.example.com", "oidc.client_id": "rapport", "http.public_url": "https://r.example.com"}
	with := func(more map[string]string) config.Input {
		flags := maps.Clone(base)
		maps.Copy(flags, more)
		return config.Input{Flags: flags}
	}
	if _, err := config.Load(with(nil)); err != nil {
		t.Fatal(err)
	}
	for field, more := range map[string]map[string]string{
		"oidc.issuer":       {"oidc.issuer": "http://login.example.com"},
		"oidc.client_id":    {"oidc.client_id": ""},
		"http.public_url":   {"http.public_url": ""},
		"oidc.domains":      {"oidc.provision": "true", "oidc.default_role": "viewer"},
		"oidc.default_role": {"oidc.provision": "true", "oidc.domains": "example.com"},
		"oidc.roles":        {"oidc.role_claim": "groups"},
		"oidc.role_claim":   {"oidc.roles": "a=admin"},
	} {
		_, err := config.Load(with(more))
		if f, ok := errors.AsType[*fault.Fault](err); !ok || f.Field != field {
			t.Errorf("%v: got %v, want a fault of %s", more, err, field)
		}
	}
	c, err := config.Load(with(map[string]string{"oidc.role_claim": "groups", "oidc.roles": "cn=crm,dc=example=admin; crm = marketer", "oidc.domains": "@Example.com, b.example"}))
	if err != nil {
		t.Fatal(err)
	}
	if m := c.OIDC.RoleMap(); m["cn=crm,dc=example"] != "admin" || m["crm"] != "marketer" || len(m) != 2 {
		t.Errorf("roles %v", m)
	}
	if d := c.OIDC.DomainList(); !slices.Equal(d, []string{"example.com", "b.example"}) {
		t.Errorf("domains %v", d)
	}
}
