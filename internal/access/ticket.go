package access

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"time"

	"rapport/internal/clock"
	"rapport/internal/fault"
)

// TicketLife is how long somebody may take to sign in somewhere else.
const TicketLife = 10 * time.Minute

// Tickets are what a browser carries while somebody proves who they are: sealed,
// so that nothing has to be kept here of those who only begin, and good once. The
// key lives as long as the process: after a restart one begins again. Safe for
// concurrent use.
type Tickets struct {
	clock clock.Clock
	seal  cipher.AEAD
	spent spent
}

// NewTickets makes a key.
func NewTickets(r *Register) (*Tickets, error) {
	key, err := r.random(16) // 32 bytes of text
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256([]byte("tickets:" + key))
	block, err := aes.NewCipher(sum[:])
	if err != nil {
		return nil, fmt.Errorf("making the key of tickets: %w", err)
	}
	seal, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, fmt.Errorf("making the key of tickets: %w", err)
	}
	return &Tickets{clock: r.clock, seal: seal}, nil
}

// Ticket is what was read of one. It is spent once what it is for was proved.
type Ticket struct {
	all   *Tickets
	mark  [sha256.Size]byte
	until clock.Instant
}

type sealedTicket struct {
	Until clock.Instant   `json:"until"`
	Once  string          `json:"once"`
	Note  json.RawMessage `json:"note"`
}

// Give seals a note for a purpose.
func (t *Tickets) Give(purpose string, note any) (string, error) {
	text, err := json.Marshal(note)
	if err == nil {
		text, err = json.Marshal(sealedTicket{t.clock.Now().Add(TicketLife), rand.Text(), text})
	}
	if err != nil {
		return "", fmt.Errorf("sealing a ticket: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(t.seal.Seal(nil, nil, text, []byte(purpose))), nil
}

// Read opens a ticket that was given for the purpose and is not over.
func (t *Tickets) Read(purpose, ticket string, note any) (*Ticket, error) {
	sealed, err := base64.RawURLEncoding.DecodeString(ticket)
	if err != nil || ticket == "" {
		return nil, ticketOver()
	}
	text, err := t.seal.Open(nil, nil, sealed, []byte(purpose))
	if err != nil {
		return nil, ticketOver()
	}
	var in sealedTicket
	if err := json.Unmarshal(text, &in); err != nil || t.clock.Now() >= in.Until {
		return nil, ticketOver()
	}
	if err := json.Unmarshal(in.Note, note); err != nil {
		return nil, ticketOver()
	}
	return &Ticket{t, sha256.Sum256([]byte(in.Once)), in.Until}, nil
}

// Spend uses a ticket up. Only who proved something gets so far, so what is
// remembered stays small.
func (k *Ticket) Spend() error {
	if err := k.all.spent.spend(k.mark, k.until, k.all.clock.Now()); err != nil {
		return ticketOver()
	}
	return nil
}

func ticketOver() error {
	return fault.Errorf(fault.Unauthenticated, "sign_in_over", "this sign-in took longer than %d minutes, was used, or began elsewhere: begin again", int(TicketLife.Minutes()))
}
