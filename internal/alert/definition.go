// Package alert decides whom to tell of what is wrong with an instance, and when
// it is over. It is handed reports of health and remembers what it said, so that
// it says everything once. It never measures, never sends and never asks the
// clock.
package alert

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"rapport/internal/fault"
	"rapport/internal/health"
	"rapport/internal/jsondoc"
)

// AlertDefinition says of what somebody is told, and through which destinations.
type AlertDefinition struct { //nolint:revive // it is the name of the schema, of which there is one in the API
	Name string    `json:"name" minLength:"1" maxLength:"200" doc:"For people: the title of what is sent"`
	When AlertWhen `json:"when" doc:"What it is about: exactly one of these"`
	// For is a time span as text, and so is Repeat.
	For    string   `json:"for,omitempty" doc:"How long it has to last before it is said, and to be over before that is said; left out: 1m, at most 24h"`
	Repeat string   `json:"repeat,omitempty" doc:"After which time it is said again while it lasts, at least 5m; left out: never"`
	SendTo []string `json:"send_to" maxItems:"20" nullable:"false" doc:"Keys of destinations with alerts: true"`
}

// AlertWhen is what an alert is about. One member is there.
type AlertWhen struct { //nolint:revive // as above
	SourceSilent       *SourceSilent       `json:"source_silent,omitempty" doc:"Nothing comes from a source that sent before"`
	VolumeAnomaly      *VolumeAnomaly      `json:"volume_anomaly,omitempty" doc:"In the last whole hour far fewer or far more events came than in that hour of other days"`
	DestinationFailing *DestinationFailing `json:"destination_failing,omitempty" doc:"A destination does not take what it is told, or stopped"`
	DeadLetters        *DeadLetters        `json:"dead_letters,omitempty" doc:"Events are not understood, or messages were given up"`
	Disk               *DiskSpace          `json:"disk,omitempty" doc:"The disk under the data folder fills"`
	Lag                *Lag                `json:"lag,omitempty" doc:"Profiles are behind what came in"`
	Certificate        *CertificateEnd     `json:"certificate,omitempty" doc:"The certificate ends, or a newer one cannot be had"`
	Finding            *AnyFinding         `json:"finding,omitempty" doc:"GET /api/v1/health finds something"`
}

// SourceSilent is about sources that are not paused or disabled.
type SourceSilent struct {
	Sources []string `json:"sources,omitempty" maxItems:"200" doc:"Keys; left out: all"`
	After   string   `json:"after,omitempty" doc:"How long nothing came; left out: 1h, at least 1m"`
}

// VolumeAnomaly holds an hour against the median of that hour of up to fourteen
// days before.
type VolumeAnomaly struct {
	Sources []string `json:"sources,omitempty" maxItems:"200" doc:"Keys; left out: all"`
	Below   *float64 `json:"below,omitempty" minimum:"0" maximum:"1" doc:"Share of the usual that is too little; left out: 0.5; 0: nothing is"`
	Above   *float64 `json:"above,omitempty" minimum:"0" maximum:"1000" doc:"Multiple of the usual that is too much; left out: 3; 0: nothing is"`
	AtLeast int      `json:"at_least,omitempty" minimum:"1" maximum:"1000000000" doc:"Hours in which fewer usually come are not judged; left out: 100"`
}

// DestinationFailing is about live destinations.
type DestinationFailing struct {
	Destinations []string `json:"destinations,omitempty" maxItems:"200" doc:"Keys; left out: all"`
}

// DeadLetters is about what is kept for somebody to repair.
type DeadLetters struct {
	Rise   int    `json:"rise,omitempty" minimum:"1" maximum:"1000000000" doc:"How many more within the time; left out: 100"`
	Within string `json:"within,omitempty" doc:"Left out: 1h; 1m to 24h"`
}

// DiskSpace is about the disk under the data folder.
type DiskSpace struct {
	FreeBelow float64 `json:"free_below,omitempty" minimum:"0" maximum:"1" doc:"Share that is free; left out: 0.1"`
	FullIn    string  `json:"full_in,omitempty" doc:"Full within this time if it goes on like this; left out: 48h"`
}

// Lag is how far profiles are behind.
type Lag struct {
	Above string `json:"above,omitempty" doc:"How long the oldest event waits; left out: 1m"`
}

// CertificateEnd is about the certificate that the instance answers with.
type CertificateEnd struct {
	Within string `json:"within,omitempty" doc:"It ends within this time; left out: 168h"`
}

// AnyFinding is about what health finds.
type AnyFinding struct {
	Codes    []string        `json:"codes,omitempty" maxItems:"50" doc:"Which; left out: all"`
	Severity health.Severity `json:"severity,omitempty" enum:"notice,warning,critical" doc:"At least; left out: critical"`
}

// Rule is a definition that was checked. It is immutable.
type Rule struct {
	Key string
	AlertDefinition
	lasts, repeat time.Duration
	span          time.Duration // of the condition; zero where it has none
}

func invalid(field, format string, args ...any) error {
	return fault.Errorf(fault.Invalid, "invalid_alert", format, args...).At("/" + field)
}

// Read reads a document and checks what it says, its destinations apart.
func Read(key string, document []byte) (*Rule, error) {
	r := &Rule{Key: key}
	if err := jsondoc.Strict(document, &r.AlertDefinition); err != nil {
		return nil, invalid("", "the alert cannot be read: %v", err)
	}
	if r.Name == "" || len(r.Name) > 200 {
		return nil, invalid("name", "the name has %d bytes: give 1 to 200", len(r.Name))
	}
	if len(r.SendTo) == 0 {
		return nil, invalid("send_to", "nobody is told: name destinations that have alerts: true")
	}
	if n := r.When.count(); n != 1 {
		return nil, invalid("when", "when has %d conditions: give exactly one, and an alert for each", n)
	}
	var err error
	if r.lasts, err = spanOf("for", r.For, time.Minute, 0, 24*time.Hour); err != nil {
		return nil, err
	}
	if r.Repeat != "" {
		if r.repeat, err = spanOf("repeat", r.Repeat, 0, 5*time.Minute, 30*24*time.Hour); err != nil {
			return nil, err
		}
	}
	return r, r.fill()
}

func (w *AlertWhen) count() (n int) {
	for _, there := range []bool{
		w.SourceSilent != nil, w.VolumeAnomaly != nil, w.DestinationFailing != nil, w.DeadLetters != nil,
		w.Disk != nil, w.Lag != nil, w.Certificate != nil, w.Finding != nil,
	} {
		if there {
			n++
		}
	}
	return n
}

// fill puts in what is left out, and checks what is not.
func (r *Rule) fill() (err error) {
	w, month := &r.When, 30*24*time.Hour
	switch {
	case w.SourceSilent != nil:
		r.span, err = spanOf("when/source_silent/after", w.SourceSilent.After, time.Hour, time.Minute, month)
	case w.VolumeAnomaly != nil:
		err = w.VolumeAnomaly.fill()
	case w.DeadLetters != nil:
		w.DeadLetters.Rise = cmp.Or(w.DeadLetters.Rise, 100)
		if w.DeadLetters.Rise < 0 {
			return invalid("when/dead_letters/rise", "rise is %d: give at least 1", w.DeadLetters.Rise)
		}
		r.span, err = spanOf("when/dead_letters/within", w.DeadLetters.Within, time.Hour, time.Minute, longestSeries)
	case w.Disk != nil:
		w.Disk.FreeBelow = cmp.Or(w.Disk.FreeBelow, 0.1)
		if w.Disk.FreeBelow < 0 || w.Disk.FreeBelow > 1 {
			return invalid("when/disk/free_below", "free_below is %v: give a share between 0 and 1", w.Disk.FreeBelow)
		}
		r.span, err = spanOf("when/disk/full_in", w.Disk.FullIn, 48*time.Hour, time.Hour, 12*month)
	case w.Lag != nil:
		r.span, err = spanOf("when/lag/above", w.Lag.Above, time.Minute, time.Second, month)
	case w.Certificate != nil:
		r.span, err = spanOf("when/certificate/within", w.Certificate.Within, 168*time.Hour, time.Hour, 12*month)
	case w.Finding != nil:
		w.Finding.Severity = cmp.Or(w.Finding.Severity, health.Critical)
		if rank(w.Finding.Severity) < 0 {
			return invalid("when/finding/severity", "%q: give notice, warning or critical", w.Finding.Severity)
		}
	}
	return err
}

func (v *VolumeAnomaly) fill() error {
	half, triple := 0.5, 3.0
	v.Below, v.Above, v.AtLeast = cmp.Or(v.Below, &half), cmp.Or(v.Above, &triple), cmp.Or(v.AtLeast, 100)
	switch {
	case *v.Below < 0 || *v.Below >= 1:
		return invalid("when/volume_anomaly/below", "below is %v: give a share of the usual, below 1", *v.Below)
	case *v.Above != 0 && *v.Above <= 1 || *v.Above < 0:
		return invalid("when/volume_anomaly/above", "above is %v: give a multiple of the usual, more than 1", *v.Above)
	case *v.Below == 0 && *v.Above == 0:
		return invalid("when/volume_anomaly", "below and above are both 0: nothing would be too little or too much")
	case v.AtLeast < 1:
		return invalid("when/volume_anomaly/at_least", "at_least is %d: give at least 1", v.AtLeast)
	}
	return nil
}

func spanOf(field, text string, without, least, most time.Duration) (time.Duration, error) {
	if text == "" {
		return without, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < least || d > most {
		return 0, invalid(field, "%s: %q will not do: give a time span such as 15m or 1h, %s to %s", field, text, least, most)
	}
	return d, nil
}

func rank(s health.Severity) int {
	return slices.Index([]health.Severity{health.Notice, health.Warning, health.Critical}, s)
}

// has tells whether a list names a key; an empty one names all.
func has(list []string, key string) bool { return len(list) == 0 || slices.Contains(list, key) }

// text is a time span for people.
func text(d time.Duration) string {
	if d >= time.Hour {
		return fmt.Sprintf("%.1f h", d.Hours())
	}
	return d.Round(time.Second).String()
}
