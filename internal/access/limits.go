package access

// Limits bound what comes with a key or of a source: events of sources and write
// keys, requests of secret keys. What is above is answered 429.
type Limits struct {
	// PerSecond is how many may come on the long run; zero: no limit.
	PerSecond int `yaml:"per_second,omitempty" json:"per_second,omitempty" minimum:"1" maximum:"1000000" doc:"Events of a source or a write key, requests of a secret key, on the long run; left out: as many as come"`
	// Burst is how many may come at once after a while of quiet; zero: what ten
	// seconds bring.
	Burst int `yaml:"burst,omitempty" json:"burst,omitempty" minimum:"1" maximum:"10000000" doc:"How many may come at once after a while of quiet; left out: those of ten seconds"`
	// PerDay is how many may come from midnight to midnight UTC; zero: no limit.
	PerDay int64 `yaml:"per_day,omitempty" json:"per_day,omitempty" minimum:"1" maximum:"1000000000000" doc:"How many may come from midnight to midnight UTC; left out: as many as come"`
}

const (
	maxPerSecond = 1_000_000
	maxBurst     = 10_000_000
	maxPerDay    = 1_000_000_000_000
	burstSeconds = 10
)

// Room is how many may come at once.
func (l *Limits) Room() int {
	if l.Burst > 0 {
		return l.Burst
	}
	return burstSeconds * l.PerSecond
}

func (l *Limits) validate(whose string) error {
	switch {
	case l == nil:
		return nil
	case l.PerSecond < 0 || l.PerSecond > maxPerSecond:
		return invalid("/limits/per_second", "%s: limits.per_second is %d: give 1 to %d, or leave it out", whose, l.PerSecond, maxPerSecond)
	case l.Burst < 0 || l.Burst > maxBurst || l.Burst > 0 && l.PerSecond == 0:
		return invalid("/limits/burst", "%s: limits.burst is %d: give 1 to %d beside per_second, or leave it out", whose, l.Burst, maxBurst)
	case l.PerDay < 0 || l.PerDay > maxPerDay:
		return invalid("/limits/per_day", "%s: limits.per_day is %d: give 1 to %d, or leave it out", whose, l.PerDay, maxPerDay)
	}
	return nil
}

// set gives limits that say something; nil where they do not.
func (l *Limits) set() *Limits {
	if l == nil || *l == (Limits{}) {
		return nil
	}
	return l
}
