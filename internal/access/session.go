package access

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"rapport/internal/clock"
	"rapport/internal/disk"
	"rapport/internal/fault"
)

const (
	// SessionLife is how long a session is good at most.
	SessionLife = 12 * time.Hour
	// sessionsFile keeps them, so that a restart signs nobody out.
	sessionsFile = "sessions.json"
	// maxSessions bounds them: the oldest end first.
	maxSessions = 10_000
	// After tries wrong passwords within tryWindow an account waits for the rest
	// of it.
	tries     = 10
	tryWindow = 15 * time.Minute
	// maxTried bounds the accounts whose tries are remembered.
	maxTried = 10_000
)

// Session is who signed in and until when. Its token is kept as a hash.
type Session struct {
	Member  string        `json:"member"`
	Until   clock.Instant `json:"until"`
	Started clock.Instant `json:"started"`
	// Via is how the member signed in where it was not with a password.
	Via string `json:"via,omitempty"`
}

// Sessions are those who are signed in. Safe for concurrent use.
type Sessions struct {
	register *Register
	saving   sync.Mutex // over save; taken before mu, which each request takes
	mu       sync.Mutex
	open     map[string]Session // by the hash of the token
	tried    map[string]tried   // by the hash of the address
	// decoy is a hash that no password fits: trying it takes as long as trying a
	// member's.
	decoy string
}

type tried struct {
	n     int
	until clock.Instant
}

// OpenSessions takes up the sessions of a register's folder.
func OpenSessions(r *Register) (*Sessions, error) {
	s := &Sessions{register: r, open: map[string]Session{}, tried: map[string]tried{}}
	noise, err := r.random(32)
	if err != nil {
		return nil, err
	}
	if s.decoy, err = r.hash(noise); err != nil {
		return nil, err
	}
	text, err := disk.ReadFile(s.register.files, s.path())
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return s, nil
	case err != nil:
		return nil, fmt.Errorf("reading the sessions: %w", err)
	}
	if err := json.Unmarshal(text, &s.open); err != nil {
		// They are convenience: whoever was signed in signs in again.
		s.open = map[string]Session{}
	}
	return s, nil
}

func (s *Sessions) path() string { return filepath.Join(s.register.dir, sessionsFile) }

// SignIn tries a password and begins a session. What is wrong, address or
// password, is not told apart, in words or in time.
func (s *Sessions) SignIn(email, password string) (token string, m *Member, err error) {
	email = strings.ToLower(strings.TrimSpace(email))
	account := hashKey("account:" + email)
	if wait := s.try(account); wait > 0 {
		return "", nil, fault.Errorf(fault.Limited, "too_many_tries",
			"too many wrong passwords: try again in %d minutes, or ask an admin for a link", int(wait.Minutes())+1)
	}
	m = s.register.Index().Member(email)
	hash := s.decoy
	known := m != nil && m.Email == email && !m.Disabled && m.Password != "" // not by id: each name of a member would have tries of its own
	if known {
		hash = m.Password
	}
	if !s.register.fits(hash, password) || !known {
		return "", nil, fault.Errorf(fault.Unauthenticated, "wrong_sign_in", "no member with this address and password: check both, or ask an admin for a link")
	}
	s.mu.Lock()
	delete(s.tried, account)
	s.mu.Unlock()
	token, err = s.Begin(m.ID)
	return token, m, err
}

// try counts a try before its password is looked at, so that many at once count
// too, and tells how long the account waits after too many.
func (s *Sessions) try(account string) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.register.clock.Now()
	t, ok := s.tried[account]
	switch {
	case !ok || now >= t.until:
		t = tried{until: now.Add(tryWindow)}
	case t.n >= tries:
		return t.until.Sub(now)
	}
	t.n++
	if !ok && len(s.tried) >= maxTried {
		s.forgetOldest()
	}
	s.tried[account] = t
	return 0
}

// forgetOldest makes room for one more account.
func (s *Sessions) forgetOldest() {
	oldest := ""
	for a, t := range s.tried {
		if oldest == "" || t.until < s.tried[oldest].until {
			oldest = a
		}
	}
	delete(s.tried, oldest)
}

// ViaOpenID is of sessions that began at an OpenID provider.
const ViaOpenID = "openid"

// Begin begins a session of a member who proved who they are.
func (s *Sessions) Begin(member string) (token string, err error) { return s.BeginVia(member, "") }

// BeginVia begins a session and keeps how the member signed in.
func (s *Sessions) BeginVia(member, via string) (token string, err error) {
	if token, err = s.register.random(32); err != nil {
		return "", err
	}
	now := s.register.clock.Now()
	s.mu.Lock()
	s.sweep(now)
	s.open[tokenHash(token)] = Session{Member: member, Started: now, Until: now.Add(SessionLife), Via: via}
	s.mu.Unlock()
	return token, s.save()
}

// sweep ends what is over, and the oldest where there are too many.
func (s *Sessions) sweep(now clock.Instant) {
	oldest, first := "", clock.Instant(0)
	for hash, v := range s.open {
		if now >= v.Until {
			delete(s.open, hash)
			continue
		}
		if oldest == "" || v.Started < first {
			oldest, first = hash, v.Started
		}
	}
	if len(s.open) >= maxSessions {
		delete(s.open, oldest)
	}
}

// Of gives the member whose session a token is, and until when; nil where there
// is none, or the member is gone or disabled.
func (s *Sessions) Of(token string) (*Member, clock.Instant) {
	if token == "" {
		return nil, 0
	}
	s.mu.Lock()
	v, ok := s.open[tokenHash(token)]
	s.mu.Unlock()
	if !ok || s.register.clock.Now() >= v.Until {
		return nil, 0
	}
	m := s.register.Index().Member(v.Member)
	if m == nil || m.Disabled {
		return nil, 0
	}
	return m, v.Until
}

// Via tells how the member of a session signed in.
func (s *Sessions) Via(token string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.open[tokenHash(token)].Via
}

// FreshFor is how long after signing in a member may open another way in: whoever
// stole a session must not be able to stay.
const FreshFor = 10 * time.Minute

// Fresh tells whether a session began within FreshFor.
func (s *Sessions) Fresh(token string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	v, ok := s.open[tokenHash(token)]
	return ok && s.register.clock.Now().Sub(v.Started) <= FreshFor
}

// End ends a session; all of a member's others too where asked to.
func (s *Sessions) End(token string, others bool) error {
	if !s.end(token, others) {
		return nil
	}
	return s.save()
}

func (s *Sessions) end(token string, others bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	v, ok := s.open[tokenHash(token)]
	delete(s.open, tokenHash(token))
	if ok && others {
		s.endAll(v.Member)
	}
	return ok
}

// EndMember ends every session of a member.
func (s *Sessions) EndMember(id string) error {
	s.mu.Lock()
	s.endAll(id)
	s.mu.Unlock()
	return s.save()
}

func (s *Sessions) endAll(id string) {
	for hash, v := range s.open {
		if v.Member == id {
			delete(s.open, hash)
		}
	}
}

// save writes the sessions down as they are by now. To share them may take long:
// meanwhile others are answered.
func (s *Sessions) save() error {
	s.saving.Lock()
	defer s.saving.Unlock()
	s.mu.Lock()
	text, err := json.Marshal(s.open)
	s.mu.Unlock()
	if err != nil {
		return fmt.Errorf("keeping the sessions: %w", err)
	}
	return s.register.keepFile(sessionsFile, text)
}

func tokenHash(token string) string {
	sum := sha256.Sum256([]byte("session:" + token))
	return hex.EncodeToString(sum[:])
}
