package authn

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
)

// checkForm is what is asked of an ID token before anything in it is believed, beyond its signature: that everybody
// who reads it reads the same. It is one JWS in the compact form (OpenID Connect Core 1.0, section 2; RFC 7519, section 1),
// says nothing in two ways (RFC 7519, section 4) and is not, by its own word, a token for something else (RFC 8725, section 3.11).
// ErrAnswer and ErrProvider.
func checkForm(raw string) error {
	if err := form(raw); err != nil {
		return fmt.Errorf("ID token: %w: %w: %w", err, ErrAnswer, ErrProvider)
	}
	return nil
}

func form(raw string) error {
	parts := strings.Split(raw, ".")
	if len(parts) != 3 {
		return errors.New("not in the compact form")
	}
	var typ string
	for i, part := range parts[:2] {
		text, err := base64.RawURLEncoding.DecodeString(part)
		if err != nil {
			return errors.New("not in the compact form")
		}
		members, err := once(text)
		if err != nil {
			return err
		}
		if i == 0 {
			typ, _ = members["typ"].(string)
		}
	}
	if ofAnotherKind(typ) {
		return fmt.Errorf("its typ is %.64q", typ)
	}
	return nil
}

// ofAnotherKind tells whether a typ is that of an access token (RFC 9068), of a logout token (OpenID Connect Back-Channel
// Logout 1.0) or of another message about somebody (RFC 8417), which the same key may have signed.
func ofAnotherKind(typ string) bool {
	switch strings.TrimPrefix(strings.ToLower(typ), "application/") {
	case "at+jwt", "logout+jwt", "secevent+jwt":
		return true
	}
	return false
}

// once reads a JSON object that says nothing in two ways. The same said twice is the same to everybody: some releases of Keycloak
// write address so (its issue 45250).
func once(text []byte) (map[string]any, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	if open, err := d.Token(); err != nil || open != json.Delim('{') {
		return nil, errors.New("no JSON object")
	}
	members := map[string]any{}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return nil, errors.New("no JSON object")
		}
		key, _ := name.(string)
		var v any
		if err := d.Decode(&v); err != nil {
			return nil, errors.New("no JSON object")
		}
		if before, twice := members[key]; twice && !reflect.DeepEqual(before, v) {
			return nil, fmt.Errorf("says %.64q in two ways", key)
		}
		members[key] = v
	}
	if end, err := d.Token(); err != nil || end != json.Delim('}') {
		return nil, errors.New("no JSON object")
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("more than a JSON object")
	}
	return members, nil
}
