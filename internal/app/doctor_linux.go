package app

import (
	"syscall"

	"rapport/internal/health"
)

// unsynced is the kernel's word for a clock that nobody sets (STA_UNSYNC of
// adjtimex(2)).
const unsynced = 0x0040

// clockSynced asks the kernel whether something sets the clock.
func clockSynced() (synced, known bool) {
	var t syscall.Timex
	if _, err := syscall.Adjtimex(&t); err != nil {
		return false, false
	}
	return t.Status&unsynced == 0, true
}

const fewFiles = 4096

// system looks at the limits of the process.
func (d *doctor) system() {
	var l syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &l); err != nil {
		return
	}
	if l.Max < fewFiles {
		d.ill(health.Warning, "open files", "Set LimitNOFILE=65536 in the unit, or ulimit -n 65536.", "the process may open %d: connections and files of the store need more", l.Max)
		return
	}
	d.well("open files", "up to %d", l.Max)
}
