package main

import (
	"bytes"
	"context"
	"os"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

// TestMain is also the program itself: the demo's workers are this test binary,
// started again with the arguments of "run".
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "run" {
		main()
	}
	goleak.VerifyTestMain(m)
}

// ran is what a command left behind.
type ran struct {
	code     int
	out, err string
}

// runCLI runs the program in this process.
func runCLI(t *testing.T, stdin string, args ...string) ran {
	t.Helper()
	return runCLIContext(t.Context(), stdin, args...)
}

func runCLIContext(ctx context.Context, stdin string, args ...string) ran {
	var out, errs bytes.Buffer
	code := execute(ctx, args, &streams{in: strings.NewReader(stdin), out: &out, err: &errs})
	return ran{code, out.String(), errs.String()}
}

// checkOneLine asserts that a failure said one line with all of want in it.
func checkOneLine(t *testing.T, r ran, code int, want ...string) {
	t.Helper()
	if r.code != code {
		t.Errorf("exit code %d, want %d (stderr %q)", r.code, code, r.err)
	}
	if strings.Count(r.err, "\n") != 1 || !strings.HasPrefix(r.err, "pst-bridge: ") {
		t.Errorf("stderr is not one line: %q", r.err)
	}
	for _, w := range want {
		if !strings.Contains(r.err, w) {
			t.Errorf("stderr %q does not contain %q", r.err, w)
		}
	}
	if r.out != "" {
		t.Errorf("stdout of a failure: %q", r.out)
	}
}

func TestUsageErrors(t *testing.T) {
	for _, c := range []struct {
		args string
		want []string
	}{
		{"pbu", []string{`did you mean "pub"`, `see "pst-bridge help"`}},
		{"run --sever x", []string{`did you mean "--server"`, `see "pst-bridge help run"`}},
		{"run --flush-interval soon", []string{"--flush-interval"}},
		{"run --batch-bytes 16MiBs", []string{"--batch-bytes", "16MiB or 100MB"}},
		{"run --batch-size=-1", []string{"batch size -1"}},
		{"run --encoders=1000", []string{"encoders 1000"}},
		{"run --compression gzip", []string{"--compression", "zstd"}},
		{"run --retention none", []string{"--retention", "work-queue"}},
		{"run --embedded --server nats://x", []string{"--embedded", "leave out --server"}},
		{"run --embedded --listen 4222", []string{"--listen", "HOST:PORT"}},
		{"run --nats-columns none,seq", []string{"--nats-columns"}},
		{"run --shutdown-timeout 0s", []string{"--shutdown-timeout"}},
		{"run --tlscert a --storage " + t.TempDir() + " --http=", []string{"--tlskey"}},
		{"pub", []string{"<topic>"}},
		{"pub a.*", []string{"wildcard"}},
		{"pub a --batch-lines 0", []string{"--batch-lines 0"}},
		{"pub a --batch-lines 2 --msg-id field=id", []string{"--batch-lines 1"}},
		{"pub a --msg-id id", []string{"file:line", "field=NAME"}},
		{"pub a --from x", []string{"FILE:LINE"}},
		{"demo --records 0", []string{"--records 0"}},
		{"help nope", []string{"nope"}},
	} {
		t.Run(c.args, func(t *testing.T) {
			checkOneLine(t, runCLI(t, "", strings.Fields(c.args)...), exitUsage, c.want...)
		})
	}
}

func TestHelpOfEachCommandShowsAnExample(t *testing.T) {
	for _, cmd := range []string{"run", "demo", "pub", "version", "help"} {
		r := runCLI(t, "", "help", cmd)
		if r.code != 0 || r.err != "" {
			t.Errorf("help %s: exit %d, stderr %q", cmd, r.code, r.err)
		}
		if !strings.Contains(r.out, "Example:") || !strings.Contains(r.out, "pst-bridge "+cmd) {
			t.Errorf("help %s shows no example:\n%s", cmd, r.out)
		}
		if flag := runCLI(t, "", cmd, "--help"); flag.out != r.out || flag.code != 0 {
			t.Errorf("%s --help is not help %s", cmd, cmd)
		}
	}
}

func TestNoArgumentsShowsHelpAndIsUsage(t *testing.T) {
	r := runCLI(t, "")
	if r.code != exitUsage || r.out != "" || !strings.Contains(r.err, "demo") {
		t.Errorf("exit %d, stdout %q, stderr %q", r.code, r.out, r.err)
	}
}

func TestVersion(t *testing.T) {
	if r := runCLI(t, "", "version"); r.code != 0 || !strings.HasPrefix(r.out, "pst-bridge ") {
		t.Errorf("exit %d, stdout %q", r.code, r.out)
	}
	if r := runCLI(t, "", "version", "--json"); r.code != 0 || !strings.Contains(r.out, `"go":"go1.`) {
		t.Errorf("exit %d, stdout %q", r.code, r.out)
	}
}

func TestBytes(t *testing.T) {
	for text, want := range map[string]Bytes{
		"0": 0, "4096": 4096, "16MiB": 16 << 20, "16 mib": 16 << 20, "100MB": 100e6, "1.5k": 1536, "2GB": 2e9, "7B": 7,
	} {
		var b Bytes
		if err := b.UnmarshalText([]byte(text)); err != nil || b != want {
			t.Errorf("%q is %d (%v), want %d", text, b, err, want)
		}
	}
	for _, text := range []string{"", "MiB", "-1", "1e400", "9999999TB", "12parsecs", "NaN"} {
		var b Bytes
		if err := b.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q is taken as %d", text, b)
		}
	}
	for b, want := range map[Bytes]string{0: "0", 16 << 20: "16MiB", 1 << 30: "1GiB", 1000: "1000", 1 << 10: "1KiB"} {
		if got := b.String(); got != want {
			t.Errorf("%d is %q, want %q", int64(b), got, want)
		}
	}
}

// What others could reach or read is warned of, and only that.
func TestExposure(t *testing.T) {
	_, conn := startNATS(t)
	open, shut := t.TempDir()+"/open", t.TempDir()+"/shut"
	for file, mode := range map[string]os.FileMode{open: 0o644, shut: 0o640} {
		if err := os.WriteFile(file, nil, mode); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		name  string
		flags runFlags
		want  string
	}{
		{"as it comes", runFlags{HTTP: "127.0.0.1:8225", Embedded: true, Listen: "127.0.0.1:4222"}, ""},
		{"no HTTP, names, IPv6", runFlags{HTTP: "", Embedded: true, Listen: "[::1]:4222"}, ""},
		{"localhost", runFlags{HTTP: "localhost:1", Listen: "0.0.0.0:4222", Connect: connectFlags{Creds: shut, NKey: "/no/such"}}, ""},
		{"http", runFlags{HTTP: ":8225"}, "http"},
		{"listen", runFlags{Embedded: true, Listen: "0.0.0.0:4222"}, "embedded server"},
		{"files", runFlags{Connect: connectFlags{Creds: open, NKey: open, TLSKey: open}}, "credentials credentials credentials"},
	} {
		var what []string
		for _, f := range c.flags.exposure(conn) {
			what = append(what, f.What)
			if f.Detail == "" || f.Fix == "" || f.Level != "warning" {
				t.Errorf("%s: %+v", c.name, f)
			}
		}
		if got := strings.Join(what, " "); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

func TestPermissionsAsJSON(t *testing.T) {
	r := runCLI(t, "", "nats-permissions", "--topics", "a.b,c", "--output", "json")
	for _, part := range []string{`"publisher-a_x2Eb"`, `"inbox_prefix": "_INBOX_bridge"`, `"$JS.ACK.*.*.PERSISTING.pst-bridge-c.>"`} {
		if r.code != 0 || !strings.Contains(r.out, part) {
			t.Errorf("exit %d, %s is not in\n%s", r.code, part, r.out)
		}
	}
	checkOneLine(t, runCLI(t, "", "nats-permissions", "--topics", "a.*"), exitUsage, "wildcard")
	checkOneLine(t, runCLI(t, "", "nats-permissions", "--stream", "a.>", "--js-domain", "*", "--consumer", "x.y"), exitUsage, "stream", "domain", "consumer")
}
