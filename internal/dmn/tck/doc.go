// Package tck runs test suites in the layout of the DMN Technology
// Compatibility Kit: models and files of expected results in one folder. It
// reads from the file system it is given and never writes or prints.
package tck
