// Package pipeline is the spine: it carries what the door accepted through the
// log into the state, and reads it back. START READING HERE: accept.go (the
// door hands over), lane.go (one worker's loop), then the steps in their order
// resolve.go, fold.go, commit.go. It never speaks HTTP and never knows a
// dialect or an engine.
package pipeline
