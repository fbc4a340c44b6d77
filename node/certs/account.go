package certs

import (
	"context"
	"crypto"
	"encoding/json"
	"errors"
	"fmt"
	"path"

	"github.com/caddyserver/certmagic"
	"github.com/mholt/acmez/v3/acme"
)

// kept is an account with the authority, as it is stored.
type kept struct {
	Account acme.Account `json:"account"`
	Key     []byte       `json:"key"` // PEM
}

// accountPath is where the account lies: another address or another external account is another account.
func (a *authority) accountPath() string {
	who := "default"
	if a.Email != "" {
		who = a.Email
	}
	if a.EAB.KeyID != "" {
		who += "+" + a.EAB.KeyID
	}
	return path.Join("accounts", certmagic.StorageKeys.Safe(a.key), certmagic.StorageKeys.Safe(who))
}

// account is the cluster's account with the authority. The first node that needs it registers it, under a lock.
func (a *authority) account(ctx context.Context, client *acme.Client) (acme.Account, error) {
	account, err := a.loadAccount(ctx)
	if !missing(err) {
		return account, err
	}
	lock := "account_" + a.accountPath()
	if err := a.storage.Lock(ctx, lock); err != nil {
		return account, err
	}
	account, err = a.loadAccount(ctx)
	if missing(err) {
		account, err = a.register(ctx, client)
	}
	return account, errors.Join(err, a.storage.Unlock(context.WithoutCancel(ctx), lock))
}

func (a *authority) loadAccount(ctx context.Context) (acme.Account, error) {
	text, err := a.storage.Load(ctx, a.accountPath())
	if err != nil {
		return acme.Account{}, err
	}
	var k kept
	if err := json.Unmarshal(text, &k); err != nil {
		return acme.Account{}, fmt.Errorf("reading the account: %w", err)
	}
	key, err := certmagic.PEMDecodePrivateKey(k.Key)
	if err != nil {
		return acme.Account{}, fmt.Errorf("reading the account's key: %w", err)
	}
	k.Account.PrivateKey = key
	return k.Account, nil
}

// register makes an account (RFC 8555, section 7.3). Whoever configures an authority agrees to its terms.
func (a *authority) register(ctx context.Context, client *acme.Client) (acme.Account, error) {
	key, err := certmagic.StandardKeyGenerator{KeyType: certmagic.P256}.GenerateKey()
	if err != nil {
		return acme.Account{}, fmt.Errorf("making the account's key: %w", err)
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		return acme.Account{}, errors.New("the account's key does not sign")
	}
	account := acme.Account{PrivateKey: signer, TermsOfServiceAgreed: true}
	if a.Email != "" {
		account.Contact = []string{"mailto:" + a.Email}
	}
	if a.EAB.KeyID != "" {
		eab := acme.EAB{KeyID: a.EAB.KeyID, MACKey: a.EAB.HMAC}
		if err := account.SetExternalAccountBinding(ctx, client, eab); err != nil {
			return account, fmt.Errorf("binding the account to %s: %w", a.EAB.KeyID, err)
		}
	}
	if account, err = client.NewAccount(ctx, account); err != nil {
		return account, fmt.Errorf("registering an account: %w", err)
	}
	return account, a.saveAccount(ctx, account, key)
}

func (a *authority) saveAccount(ctx context.Context, account acme.Account, key crypto.PrivateKey) error {
	text, err := certmagic.PEMEncodePrivateKey(key)
	if err != nil {
		return fmt.Errorf("encoding the account's key: %w", err)
	}
	encoded, err := json.Marshal(kept{Account: account, Key: text})
	if err != nil {
		return fmt.Errorf("encoding the account: %w", err)
	}
	return a.storage.Store(ctx, a.accountPath(), encoded)
}

// forgetAccount drops an account that the authority does not know any more.
func (a *authority) forgetAccount(ctx context.Context) error {
	return a.storage.Delete(ctx, a.accountPath())
}
