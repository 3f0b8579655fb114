// Package manifest carries the definitions of an instance as files: it reads
// them over the API into a folder, says where folder and instance differ, and
// makes the instance have what the folder says. Secrets are never in the files:
// a mask stands for them, or the name of a variable of the environment. It is a
// client: it knows of the server what a client knows, and never what a
// definition means.
package manifest
