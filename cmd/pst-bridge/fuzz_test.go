package main

import (
	"bytes"
	"errors"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/pst-bridge/pst-bridge/bridge"
)

// FuzzCommandLine parses arbitrary command lines of run and check, one argument a
// line. What is taken is a configuration that the bridge takes too; everything else
// is refused as a usage error in one line.
func FuzzCommandLine(f *testing.F) {
	for _, s := range []string{
		"run\n--batch-size=10\n--batch-bytes=16MiB\n--memory=1g\n--flush-interval=1s", "run\n--flush-interval=-1s", "check\n--memory=1e30",
		"run\n--batch-size=99999999999999999999", "run\n--encoders=-1", "run\n--topics=a,b.c,*", "run\n--topics=a,a", "run\n--embedded\n--listen=:0",
		"run\n--batch-bytes=NaN", "run\n--batch-bytes=0x10", "run\n--max-wal-size=-1", "run\n--wal-sync-interval=9999999h", "run\n--http=:8225",
		"run\n--server=nats://x:y@z", "run\n--nats-columns=none,seq", "run\n--unknown=1", "run\n--", "run\nstray", "run\n--storage=\x00", "run\n--help",
	} {
		f.Add(s)
	}
	for _, kv := range os.Environ() {
		if name, _, _ := strings.Cut(kv, "="); strings.HasPrefix(name, "PST_") || strings.HasPrefix(name, "NATS_") {
			f.Setenv(name, "")
		}
	}
	f.Fuzz(func(t *testing.T, line string) {
		args := strings.Split(line, "\n")
		if args[0] != "run" && args[0] != "check" {
			return
		}
		c := &cli{}
		parser, err := newParser(t.Context(), c, &streams{in: strings.NewReader(""), out: io.Discard, err: io.Discard})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := parser.Parse(args); err != nil {
			if errors.Is(err, errHelpShown) {
				return
			}
			var out bytes.Buffer
			if code := report(&out, parseError(err)); code != exitUsage || strings.Count(out.String(), "\n") != 1 {
				t.Fatalf("%q: exit %d, %q", args, code, out.String())
			}
			return
		}
		flags := &c.Run.runFlags
		if args[0] == "check" {
			flags = &c.Check.runFlags
		}
		cfg := flags.bridgeConfig(bridge.Events{})
		if err := cfg.Validate(); err != nil {
			t.Fatalf("%q was taken: %v", args, err)
		}
		if cfg.BatchRows < 0 || cfg.BatchBytes < 0 || cfg.Memory < 0 || cfg.FlushInterval < 0 || flags.Where.MaxWALSize < 0 ||
			flags.WALSyncInterval < 0 || flags.ShutdownTimeout <= 0 || flags.Connect.Timeout <= 0 {
			t.Fatalf("%q was taken: %+v", args, flags)
		}
	})
}
