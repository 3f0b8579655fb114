package webhook

import (
	"net/http"
	"time"
)

// SignFor signs with secrets as the sink does.
func SignFor(h http.Header, secrets []string, id string, now time.Time, body []byte) error {
	var signers []signer
	for _, secret := range secrets {
		s, err := newSigner(secret)
		if err != nil {
			return err
		}
		signers = append(signers, s)
	}
	sign(h, signers, id, now, body)
	return nil
}
