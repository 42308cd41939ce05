package main

import (
	"encoding/json"
	"fmt"
	"runtime"
	"runtime/debug"
)

// versionCmd is "version".
type versionCmd struct {
	JSON bool `help:"Print as JSON."`
}

// Help is the example shown by "help version".
func (*versionCmd) Help() string { return example("pst-bridge version --json") }

// Run prints the version of the program.
func (c *versionCmd) Run(std *streams) error {
	b := readBuild()
	if c.JSON {
		return json.NewEncoder(std.out).Encode(b)
	}
	_, err := fmt.Fprintf(std.out, "pst-bridge %s (%s, %s, %s)\n", b.Version, b.Revision, b.Go, b.Platform)
	return err
}

// build describes the program: from the module where it was installed by
// version, from the checkout where it was built in one.
type build struct {
	Version  string `json:"version"`
	Revision string `json:"revision"`
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

// readBuild reads what the Go linker recorded.
func readBuild() build {
	b := build{Version: "devel", Revision: "unknown", Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	if v := info.Main.Version; v != "" && v != "(devel)" {
		b.Version = v
	}
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision" && len(s.Value) >= 12:
			b.Revision = s.Value[:12]
		case s.Key == "vcs.modified" && s.Value == "true":
			b.Revision += "+changes"
		}
	}
	return b
}
