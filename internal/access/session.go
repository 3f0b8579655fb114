package access

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"rapport/internal/clock"
	"rapport/internal/fault"
)

const (
	// SessionLife is how long a session is good at most.
	SessionLife = 12 * time.Hour
	// sessionsFile keeps them, so that a restart signs nobody out.
	sessionsFile = "sessions.json"
	// maxSessions bounds them: the oldest end first.
	maxSessions = 10_000
	// hashers is how many passwords are tried at once: each takes 19 MiB.
	hashers = 2
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
}

// Sessions are those who are signed in. Safe for concurrent use.
type Sessions struct {
	register *Register
	mu       sync.Mutex
	open     map[string]Session // by the hash of the token
	tried    map[string]tried   // by the hash of the address
	hashing  chan struct{}
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
	s := &Sessions{register: r, open: map[string]Session{}, tried: map[string]tried{}, hashing: make(chan struct{}, hashers)}
	noise, err := r.random(32)
	if err != nil {
		return nil, err
	}
	if s.decoy, err = hashPassword(noise, r.entropy); err != nil {
		return nil, err
	}
	text, err := os.ReadFile(s.path())
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
	account := hashKey("account:" + email)
	if wait := s.waits(account); wait > 0 {
		return "", nil, fault.Errorf(fault.Limited, "too_many_tries",
			"too many wrong passwords: try again in %d minutes, or ask an admin for a link", int(wait.Minutes())+1)
	}
	m = s.register.Index().Member(email)
	hash := s.decoy
	if m != nil && m.Password != "" {
		hash = m.Password
	}
	s.hashing <- struct{}{}
	fits := fitsPassword(hash, password)
	<-s.hashing
	if !fits || m == nil || m.Disabled || m.Password == "" {
		s.note(account)
		return "", nil, fault.Errorf(fault.Unauthenticated, "wrong_sign_in", "no member with this address and password: check both, or ask an admin for a link")
	}
	s.mu.Lock()
	delete(s.tried, account)
	s.mu.Unlock()
	token, err = s.Begin(m.ID)
	return token, m, err
}

// waits tells how long an account waits after too many wrong passwords.
func (s *Sessions) waits(account string) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.register.clock.Now()
	t := s.tried[account]
	if t.n < tries || now >= t.until {
		return 0
	}
	return t.until.Time().Sub(now.Time())
}

func (s *Sessions) note(account string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.register.clock.Now()
	if len(s.tried) >= maxTried {
		for a, t := range s.tried {
			if now >= t.until {
				delete(s.tried, a)
			}
		}
	}
	t := s.tried[account]
	if now >= t.until {
		t = tried{until: now.Add(tryWindow)}
	}
	t.n++
	if len(s.tried) < maxTried {
		s.tried[account] = t
	}
}

// Begin begins a session of a member who proved who they are.
func (s *Sessions) Begin(member string) (token string, err error) {
	if token, err = s.register.random(32); err != nil {
		return "", err
	}
	now := s.register.clock.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sweep(now)
	s.open[tokenHash(token)] = Session{Member: member, Started: now, Until: now.Add(SessionLife)}
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

// End ends a session; all of a member's others too where asked to.
func (s *Sessions) End(token string, others bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	v, ok := s.open[tokenHash(token)]
	if !ok {
		return nil
	}
	delete(s.open, tokenHash(token))
	if others {
		s.endAll(v.Member)
	}
	return s.save()
}

// EndMember ends every session of a member.
func (s *Sessions) EndMember(id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.endAll(id)
	return s.save()
}

func (s *Sessions) endAll(id string) {
	for hash, v := range s.open {
		if v.Member == id {
			delete(s.open, hash)
		}
	}
}

func (s *Sessions) save() error {
	text, err := json.Marshal(s.open)
	if err != nil {
		return fmt.Errorf("keeping the sessions: %w", err)
	}
	return WriteFile(s.path(), text)
}

func tokenHash(token string) string {
	sum := sha256.Sum256([]byte("session:" + token))
	return hex.EncodeToString(sum[:])
}
