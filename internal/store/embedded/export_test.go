package embedded

import "time"

// SetPause shortens how long writes of the state wait after a failure.
func SetPause(o *Options, d time.Duration) { o.pause = d }
