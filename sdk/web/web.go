// Package web is the library that pages load, built from the TypeScript beside
// it and embedded in the binary. It gives files by version; it never serves
// anything, and knows nothing of sources or keys.
package web

import (
	"embed"
	"path"
)

// Version is that of the library that new snippets name.
const Version = "1.0.0"

// The files of a version.
const (
	Script       = "rapport.js"        // for a script tag; the settings stand before it
	Module       = "rapport.mjs"       // for bundlers
	Markup       = "rapport-html.js"   // the plug-in for HTML variants
	Panels       = "rapport-panels.js" // the plug-in for forms and notifications
	Declarations = "rapport.d.ts"
)

// files are all versions that were ever released: a page that names one gets
// its bytes for ever. They are committed, so that a binary built without
// Node.js has them too.
//
//go:embed dist
var files embed.FS

// File gives a file of a version; false where there is none.
func File(version, name string) ([]byte, bool) {
	b, err := files.ReadFile(path.Join("dist", path.Base(version), path.Base(name)))
	return b, err == nil
}
