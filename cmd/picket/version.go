package main

import (
	"cmp"
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// version is what the linker was told (-X main.version=…), as `make build` does. "": the sources know better, or nobody does.
var version string

// build is what a binary knows of its making.
type build struct {
	Version  string `json:"version"`
	Revision string `json:"revision,omitempty"` // of the sources
	Modified bool   `json:"modified"`           // the sources had changes beside it
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

func thisBuild() build {
	b := build{Version: "devel", Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		info = &debug.BuildInfo{}
	}
	if v := cmp.Or(version, info.Main.Version); v != "" && v != "(devel)" {
		b.Version = v
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			b.Revision = s.Value
		case "vcs.modified":
			b.Modified = s.Value == "true"
		}
	}
	return b
}

func (t terminal) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "Print which picket this is",
		Example: `  picket version -o json`,
		Args:    args(),
		RunE: func(c *cobra.Command, _ []string) error {
			b := thisBuild()
			if wantsJSON(c) {
				return printJSON(t.out, b)
			}
			_, err := fmt.Fprintf(t.out, "picket %s (%s, %s)\n", b.Version, b.Go, b.Platform)
			return err
		},
	}
}
