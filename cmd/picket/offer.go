package main

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// offer is what a shell may complete an argument or the value of a flag with, given the arguments before it.
type offer func(c *cobra.Command, given []string) []cobra.Completion

// offerTime is how long a node may take to tell what there is: somebody waits at a prompt.
const offerTime = 2 * time.Second

// offers completes the arguments of a command, each by its own.
func offers(each ...offer) cobra.CompletionFunc {
	return func(c *cobra.Command, given []string, begun string) ([]cobra.Completion, cobra.ShellCompDirective) {
		if len(given) >= len(each) {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return beginning(each[len(given)](c, given), begun), cobra.ShellCompDirectiveNoFileComp
	}
}

// offerFlag completes the value of a flag.
func offerFlag(c *cobra.Command, flag string, o offer) {
	completeFlag(c, flag, func(c *cobra.Command, given []string, begun string) ([]cobra.Completion, cobra.ShellCompDirective) {
		return beginning(o(c, given), begun), cobra.ShellCompDirectiveNoFileComp
	})
}

// offerFiles completes the value of a flag with files and folders.
func offerFiles(c *cobra.Command, flag string) {
	completeFlag(c, flag, cobra.FixedCompletions(nil, cobra.ShellCompDirectiveDefault))
}

func completeFlag(c *cobra.Command, flag string, by cobra.CompletionFunc) {
	if err := c.RegisterFlagCompletionFunc(flag, by); err != nil {
		panic(err) // the command has no such flag
	}
}

// oneFile completes the one argument of a command that takes a file or a folder.
func oneFile(_ *cobra.Command, given []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(given) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return nil, cobra.ShellCompDirectiveDefault
}

// beginning are those that begin as what is typed does, each once and in order. What cannot be typed is left out: a name that a
// provider gave may hold anything.
func beginning(all []cobra.Completion, begun string) []cobra.Completion {
	all = slices.DeleteFunc(all, func(one string) bool {
		value, _, _ := strings.Cut(one, "\t")
		return value == "" || value != printable(value) || !strings.HasPrefix(value, begun)
	})
	slices.Sort(all)
	return slices.CompactFunc(all, func(a, b string) bool {
		a, _, _ = strings.Cut(a, "\t")
		b, _, _ = strings.Cut(b, "\t")
		return a == b
	})
}

// described is a completion with what a person should know of it.
func described(value, what string) cobra.Completion {
	if what == "" {
		return value
	}
	return cobra.CompletionWithDesc(value, printable(what))
}

// offered is what a node answers to a GET; the zero value when none answers, or not in time.
func offered[T any](t terminal, c *cobra.Command, path string) (v T) {
	ctx, cancel := context.WithTimeout(c.Context(), offerTime)
	defer cancel()
	node, err := t.admin(c)
	if err != nil {
		return v
	}
	var answer T
	if _, err := node.do(ctx, http.MethodGet, path, &answer); err != nil {
		return v
	}
	return answer
}

// sessionIDs offers the sessions that there are, with whose they are.
func (t terminal) sessionIDs(c *cobra.Command, _ []string) (ids []cobra.Completion) {
	for _, s := range offered[sessions](t, c, "/v1/sessions").Sessions {
		ids = append(ids, described(s.ID, s.who()+", signed in "+ago(s.Begun, time.Now())))
	}
	return ids
}

// userNames offers those who are signed in.
func (t terminal) userNames(c *cobra.Command, _ []string) (names []cobra.Completion) {
	for _, s := range offered[sessions](t, c, "/v1/sessions").Sessions {
		names = append(names, described(s.who(), s.Name))
	}
	return names
}

// groupNames offers the groups of those who are signed in.
func (t terminal) groupNames(c *cobra.Command, _ []string) (names []cobra.Completion) {
	for _, s := range offered[sessions](t, c, "/v1/sessions").Sessions {
		names = append(names, s.Groups...)
	}
	return names
}

// deviceIDs offers the browsers that have a session, with whose that is.
func (t terminal) deviceIDs(c *cobra.Command, _ []string) (ids []cobra.Completion) {
	for _, s := range offered[sessions](t, c, "/v1/sessions").Sessions {
		ids = append(ids, described(s.Device, s.who()))
	}
	return ids
}
