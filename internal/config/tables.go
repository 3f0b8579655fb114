package config

import (
	"regexp"
	"strings"
	"time"
)

// Tables are where and how tables for analysts are written.
type Tables struct {
	URL    string        `koanf:"url"` // store, or a postgres:// address; empty: none
	Schema string        `koanf:"schema"`
	Flush  time.Duration `koanf:"flush"`
}

// TablesInStore is the address of tables for analysts beside those of the store.
const TablesInStore = "store"

// schemaName is what a schema may be called: what needs no quotes anywhere.
var schemaName = regexp.MustCompile(`^[a-z_][a-z0-9_]{0,62}$`)

func (t *Tables) validate(store bool) error {
	switch {
	case t.URL == "":
	case t.URL == TablesInStore && !store:
		return bad("tables.url", t.URL, "the store is no database: give the postgres:// address of one")
	case t.URL != TablesInStore && !isPostgres(t.URL):
		return bad("tables.url", withoutPassword(t.URL), "give store, or a postgres:// address")
	case !schemaName.MatchString(t.Schema) || strings.HasPrefix(t.Schema, "pg_") || t.Schema == "public":
		return bad("tables.schema", t.Schema, "give a schema of its own: small letters, digits and _, not public")
	case t.Flush < 100*time.Millisecond || t.Flush > time.Hour:
		return bad("tables.flush", t.Flush.String(), "give 100ms to 1h")
	}
	return nil
}

func isPostgres(address string) bool {
	return strings.HasPrefix(address, "postgres://") || strings.HasPrefix(address, "postgresql://")
}
