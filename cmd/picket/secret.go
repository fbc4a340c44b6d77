package main

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"

	"github.com/spf13/cobra"
)

// secretBytes is how much chance a secret holds: as much as the keys that are derived from it.
const secretBytes = 32

func (t terminal) secretCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "secret",
		Short: "Print a new cluster secret",
		Long: `Prints a new secret for cluster.secrets: 256 random bits as text. All nodes of a
cluster have the same. 'picket reseal --help' says how it is replaced while the cluster
runs.`,
		Example: `  export PICKET_SECRET="$(picket secret)"`,
		Args:    args(),
		RunE: func(c *cobra.Command, _ []string) error {
			secret := newSecret()
			if wantsJSON(c) {
				return printJSON(t.out, map[string]string{"secret": secret})
			}
			_, err := fmt.Fprintln(t.out, secret)
			return err
		},
	}
}

func newSecret() string {
	var b [secretBytes]byte
	_, _ = rand.Read(b[:]) // never fails: crypto/rand ends the program instead
	return base64.StdEncoding.EncodeToString(b[:])
}
