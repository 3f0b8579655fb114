package passkey_test

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"testing"

	"rapport/internal/access/passkey"
)

// The vector of Web Authentication Level 3, section 16.3: an ES256 key with self
// attestation, made at https://example.org.
const (
	attestation = "a363666d74667061636b65646761747453746d74a263616c672663736967584630440220067a20754ab925005dbf378097c92120031581c73228d1fb4f5b881bcd7da98302207fc7b147558c7c0eba3af18bd9d121fa3d3a26d17fe3f220272178f473b6006d68617574684461746158a4bfabc37432958b063360d3ad6461c9c4735ae7f8edd46592a5e0f01452b2e4b55d00000000df850e09db6afbdfab51697791506cfc0020455ef34e2043a87db3d4afeb39bbcb6cc32df9347c789a865ecdca129cbef58ca5010203262001215820eb151c8176b225cc651559fecf07af450fd85802046656b34c18f6cf193843c5225820927b8aa427a2be1b8834d233a2d34f61f13bfd44119c325d5896e183fee484f2"
	clientData  = "7b2274797065223a22776562617574686e2e637265617465222c226368616c6c656e6765223a2265476e4374334c55745936366b336a506a796e6962506b31716e666644616966715a774c33417032392d55222c226f726967696e223a2268747470733a2f2f6578616d706c652e6f7267222c2263726f73734f726967696e223a66616c73652c22657874726144617461223a22636c69656e74446174614a534f4e206d617920626520657874656e6465642077697468206164646974696f6e616c206669656c647320696e20746865206675747572652c207375636820617320746869733a205539685458764b453255526b4d6e625f307859485667227d"
	credential  = "455ef34e2043a87db3d4afeb39bbcb6cc32df9347c789a865ecdca129cbef58c"
)

func TestFinishMaking_TakesTheVectorOfTheStandard(t *testing.T) {
	t.Parallel()
	p, ok := passkey.At("https://example.org")
	if !ok {
		t.Fatal("no party")
	}
	b64 := func(text string) string {
		b, err := hex.DecodeString(text)
		if err != nil {
			t.Fatal(err)
		}
		return base64.RawURLEncoding.EncodeToString(b)
	}
	text, err := hex.DecodeString(clientData)
	if err != nil {
		t.Fatal(err)
	}
	var client struct{ Challenge string }
	if err := json.Unmarshal(text, &client); err != nil {
		t.Fatal(err)
	}
	u := passkey.User{ID: "mem_1", Name: "Ada", Email: "ada@example.org"}
	c, err := p.BeginMaking(u)
	if err != nil {
		t.Fatal(err)
	}
	// The vector signed a challenge of its own.
	session := map[string]any{}
	if err := json.Unmarshal(c.Session, &session); err != nil {
		t.Fatal(err)
	}
	session["challenge"] = client.Challenge
	held, err := json.Marshal(session)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := json.Marshal(map[string]any{
		"id": b64(credential), "rawId": b64(credential), "type": "public-key",
		"response": map[string]any{"clientDataJSON": b64(clientData), "attestationObject": b64(attestation)},
	})
	if err != nil {
		t.Fatal(err)
	}
	k, err := p.FinishMaking(u, held, answer)
	if err != nil {
		t.Fatal(err)
	}
	if hex.EncodeToString(k.ID) != credential || k.Party != "example.org" || !k.Syncs || len(k.Public) == 0 {
		t.Errorf("%+v", k)
	}
	if _, err := p.FinishMaking(u, c.Session, answer); err == nil {
		t.Error("the answer fits a challenge that it did not sign")
	}
	other, _ := passkey.At("https://example.com")
	if _, err := other.FinishMaking(u, held, answer); err == nil {
		t.Error("the answer fits another site")
	}
}

func TestAt_IsWhereBrowsersKnowPasskeys(t *testing.T) {
	t.Parallel()
	for base, want := range map[string]bool{
		"https://rapport.example.com": true, "https://rapport.example.com:8443": true, "http://localhost:8080": true,
		"http://rapport.example.com": false, "https://192.0.2.1": false, "http://127.0.0.1:8080": false, "": false,
	} {
		if _, ok := passkey.At(base); ok != want {
			t.Errorf("%s: %t", base, ok)
		}
	}
	written, _ := passkey.At("https://Rapport.example.com:443")
	if known, _ := passkey.At("https://rapport.example.com"); written != known {
		t.Errorf("%v is not %v, as browsers write it", written, known)
	}
}
