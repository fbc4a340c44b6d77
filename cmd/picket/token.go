package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"
)

func (t terminal) tokenCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "token URL",
		Short: "Print the bearer token that 'picket login' got for a host",
		Long: `Prints the token that 'picket login' got, for programs that send it along in a header.
It is good for the one host, for as long as its session: 'picket sessions' shows it to
operators, who can end it.`,
		Example:           `  curl -H "Authorization: Bearer $(picket token https://app.example.com)" https://app.example.com/api`,
		Args:              args("URL"),
		ValidArgsFunction: offers(keptOrigins),
		RunE: func(c *cobra.Command, args []string) error {
			door, _, err := parseDoorway(args[0])
			if err != nil {
				return err
			}
			k, err := keptFor(door.host, time.Now())
			if err != nil && !errors.Is(err, errNotKept) {
				return err
			}
			if err != nil || k.Origin != door.String() {
				return fmt.Errorf("nobody is signed in at %s: run: picket login %s", door, door)
			}
			if wantsJSON(c) {
				return printJSON(t.out, k)
			}
			_, err = fmt.Fprintln(t.out, k.Token)
			return err
		},
	}
}
