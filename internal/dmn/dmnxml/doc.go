// Package dmnxml is the file form of DMN models: it reads the XML of DMN 1.1
// to 1.6 into structures, and writes DMN 1.5 with diagram layout and vendor
// extensions copied byte for byte. It never evaluates anything, never opens a
// file and never expands an entity.
package dmnxml
