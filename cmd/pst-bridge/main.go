// Command pst-bridge carries messages from NATS JetStream into Lance tables.
//
// It is the only place that knows flags, environment, signals, HTTP and metrics.
// Each sub-command is one file: run.go, demo.go, pub.go, status.go, doctor.go,
// rebind.go (with replay and rebuild-ledger), permissions.go, schema.go, inspect.go, version.go, help.go.
// Results go to stdout, everything else to stderr. Exit codes: 0 done, 2 the
// command line was wrong, 1 everything else.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/alecthomas/kong"
)

func main() {
	os.Exit(execute(context.Background(), os.Args[1:], &streams{in: os.Stdin, out: os.Stdout, err: os.Stderr}))
}

// streams are the three standard streams of the process.
type streams struct {
	in       io.Reader
	out, err io.Writer
}

// cli is the whole command line: its struct tags are the only list of flags.
type cli struct {
	Help          helpFlag       `short:"h" help:"Show help."`
	Run           runCmd         `cmd:"" help:"Write a stream's messages into Lance tables until told to stop."`
	Demo          demoCmd        `cmd:"" help:"See it work in a minute: server, two workers, one killed, an exact table."`
	Pub           pubCmd         `cmd:"" help:"Publish lines of JSON to a topic."`
	Check         checkCmd       `cmd:"" help:"Look whether run would work: the server, the stream, the consumers, the storage."`
	Status        statusCmd      `cmd:"" help:"Show each topic's table, what is left in the stream, and what keeps it from going on."`
	Doctor        doctorCmd      `cmd:"" help:"Say what is wrong with a topic and what resolves it; --remove takes away what stands in the way."`
	Rebind        rebindCmd      `cmd:"" help:"Bind a table to the consumer or the stream as it is now."`
	Replay        replayCmd      `cmd:"" help:"Read messages from the stream again and write those that the table lacks."`
	RebuildLedger rebuildCmd     `cmd:"" help:"Write a table's ledger anew from its rows."`
	DLQ           dlqCmd         `cmd:"" name:"dlq" help:"List, show and replay messages that did not become rows."`
	Schema        schemaCmd      `cmd:"" help:"Show what columns a table has and had, plan changes, check schema files."`
	Permissions   permissionsCmd `cmd:"" name:"nats-permissions" help:"Print what users of the NATS server need, as its configuration."`
	Inspect       inspectCmd     `cmd:"" help:"Show what a table, a version or a data file is made of."`
	Version       versionCmd     `cmd:"" help:"Print version and build."`
	HelpCmd       helpCmd        `cmd:"" name:"help" help:"Show help of a command."`
}

// execute parses args, runs the command they name and returns the exit code.
func execute(ctx context.Context, args []string, std *streams) int {
	parser, err := newParser(ctx, &cli{}, std)
	if err != nil {
		return report(std.err, err)
	}
	if len(args) == 0 {
		showHelp(parser, std.err)
		return exitUsage
	}
	parsed, err := parser.Parse(args)
	if errors.Is(err, errHelpShown) {
		return 0
	}
	if err != nil {
		return report(std.err, parseError(err))
	}
	return report(std.err, parsed.Run())
}

// newParser builds the parser of c. Commands get ctx and std as arguments of their Run.
func newParser(ctx context.Context, c *cli, std *streams) (*kong.Kong, error) {
	parser, err := kong.New(c,
		kong.Name("pst-bridge"),
		kong.Description("NATS JetStream to Lance tables, every message exactly once."),
		kong.NoDefaultHelp(),
		kong.Writers(std.out, std.err),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, NoExpandSubcommands: true, WrapUpperBound: 110}),
		kong.Exit(func(int) {}), // exit codes are execute's business
		flagDefaults(),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(std),
	)
	if err != nil {
		return nil, fmt.Errorf("describe the command line: %w", err)
	}
	return parser, nil
}

// parseError turns what the parser found into a usage error with the way to help.
func parseError(err error) error {
	var parse *kong.ParseError
	if !errors.As(err, &parse) {
		return err
	}
	help := "pst-bridge help"
	if cmd := parse.Context.Selected(); cmd != nil {
		help += strings.TrimPrefix(cmd.FullPath(), "pst-bridge")
	}
	return usagef("%s; see %q", parse.Error(), help)
}
