package main

import (
	"errors"
	"io"
	"strings"

	"github.com/alecthomas/kong"
)

// errHelpShown ends parsing once help has been printed.
var errHelpShown = errors.New("help was shown")

// helpFlag is --help, on every command.
type helpFlag bool

// BeforeReset prints the help of the command that precedes the flag.
func (helpFlag) BeforeReset(ctx *kong.Context) error {
	if err := ctx.PrintUsage(false); err != nil {
		return err
	}
	return errHelpShown
}

// IgnoreDefault keeps a default from looking like the flag.
func (helpFlag) IgnoreDefault() {}

// helpCmd is "help [COMMAND]".
type helpCmd struct {
	Command []string `arg:"" optional:"" help:"Command to explain."`
}

// Help is the example shown by "help help".
func (*helpCmd) Help() string { return example("pst-bridge help run") }

// Run prints the help of the named command, or the overview.
func (c *helpCmd) Run(parser *kong.Kong) error {
	_, err := parser.Parse(append(c.Command, "--help"))
	if errors.Is(err, errHelpShown) {
		return nil
	}
	return parseError(err)
}

// showHelp prints the overview to w.
func showHelp(parser *kong.Kong, w io.Writer) {
	parser.Stdout = w
	_, _ = parser.Parse([]string{"--help"}) // its error is errHelpShown
}

// example formats the lines that end the help of a command.
func example(lines ...string) string {
	return "Example:\n\n  " + strings.Join(lines, "\n  ")
}
