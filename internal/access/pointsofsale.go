package access

import "time"

// PointOfSale is a point of sale that events of a source name, where it is not
// like the others of the source.
type PointOfSale struct {
	Name string `yaml:"name" json:"name" minLength:"1" maxLength:"200"`
	// SessionTimeout is in minutes.
	SessionTimeout int `yaml:"session_timeout_minutes" json:"session_timeout_minutes" minimum:"1" maximum:"1440" doc:"Minutes of silence that close a session there"`
}

const (
	// defaultTimeout is the silence that closes a session, in minutes.
	defaultTimeout  = 20
	maxTimeout      = 24 * 60
	maxPointsOfSale = 200
	maxPointOfSale  = 200 // bytes of a name
)

// TimeoutAt is the silence that closes a session at a point of sale. Rules that
// are nil are those of a source that is gone.
func (r *Rules) TimeoutAt(pointOfSale string) time.Duration {
	if r == nil {
		return defaultTimeout * time.Minute
	}
	for i := range r.PointsOfSale {
		if r.PointsOfSale[i].Name == pointOfSale {
			return time.Duration(r.PointsOfSale[i].SessionTimeout) * time.Minute
		}
	}
	if r.SessionTimeout == 0 {
		return defaultTimeout * time.Minute
	}
	return time.Duration(r.SessionTimeout) * time.Minute
}

func (r *Rules) validatePointsOfSale(source string) error {
	switch {
	case len(r.PointOfSale) > maxPointOfSale:
		return invalid("/point_of_sale", "source %q: the point of sale has %d bytes: give at most %d", source, len(r.PointOfSale), maxPointOfSale)
	case r.SessionTimeout < 0 || r.SessionTimeout > maxTimeout:
		return invalid("/session_timeout_minutes", "source %q: sessions end after %d minutes of silence: give 1 to %d, or leave it out for %d", source, r.SessionTimeout, maxTimeout, defaultTimeout)
	case len(r.PointsOfSale) > maxPointsOfSale:
		return invalid("/points_of_sale", "source %q: %d points of sale are too many: give at most %d, those that differ from the source", source, len(r.PointsOfSale), maxPointsOfSale)
	}
	seen := make(map[string]bool, len(r.PointsOfSale))
	for _, p := range r.PointsOfSale {
		switch {
		case p.Name == "" || len(p.Name) > maxPointOfSale:
			return invalid("/points_of_sale", "source %q: the name of a point of sale has %d bytes: give 1 to %d", source, len(p.Name), maxPointOfSale)
		case p.SessionTimeout < 1 || p.SessionTimeout > maxTimeout:
			return invalid("/points_of_sale", "source %q: sessions at %q end after %d minutes of silence: give 1 to %d", source, p.Name, p.SessionTimeout, maxTimeout)
		case seen[p.Name]:
			return invalid("/points_of_sale", "source %q: the point of sale %q is there twice: name it once", source, p.Name)
		}
		seen[p.Name] = true
	}
	return nil
}
