package inflate

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func limits() Limits { return Limits{Bytes: 32 << 20, Ratio: 100, Free: 1 << 20, Window: 8 << 20} }

// form is one way to write an encoding.
type form struct {
	name     string // of the encoding
	title    string
	compress func(t testing.TB, p []byte) []byte
	// open says that the format cannot tell a stream that was cut between two
	// parts from a whole one.
	open bool
}

func through(open func(w io.Writer) (io.WriteCloser, error)) func(testing.TB, []byte) []byte {
	return func(t testing.TB, p []byte) []byte {
		t.Helper()
		var out bytes.Buffer
		w, err := open(&out)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(p); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		return out.Bytes()
	}
}

func lz4With(o ...lz4.Option) func(io.Writer) (io.WriteCloser, error) {
	return func(w io.Writer) (io.WriteCloser, error) {
		z := lz4.NewWriter(w)
		return z, z.Apply(o...)
	}
}

func forms() []form {
	return []form{
		{"gzip", "gzip", through(func(w io.Writer) (io.WriteCloser, error) { return gzip.NewWriter(w), nil }), false},
		{"zstd", "zstd stream", through(func(w io.Writer) (io.WriteCloser, error) {
			return zstd.NewWriter(w, zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(1<<20))
		}), false},
		{"ZSTD", "zstd of known size", func(t testing.TB, p []byte) []byte {
			t.Helper()
			w, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithSingleSegment(true))
			if err != nil {
				t.Fatal(err)
			}
			return w.EncodeAll(p, nil)
		}, false},
		{"lz4", "lz4", through(lz4With()), false},
		{"lz4", "lz4 with all checks", through(lz4With(lz4.BlockChecksumOption(true), lz4.ChecksumOption(true), lz4.BlockSizeOption(lz4.Block64Kb))), false},
		{"snappy", "snappy block", func(_ testing.TB, p []byte) []byte { return snappy.Encode(nil, p) }, false},
		{"snappy", "snappy stream", through(func(w io.Writer) (io.WriteCloser, error) { return snappy.NewBufferedWriter(w), nil }), true},
		{"s2", "s2 block", func(_ testing.TB, p []byte) []byte { return s2.EncodeBetter(nil, p) }, false},
		{"s2", "s2 stream", through(func(w io.Writer) (io.WriteCloser, error) { return s2.NewWriter(w, s2.WriterConcurrency(1)), nil }), true},
	}
}

func sample(r *rand.Rand, n int) []byte {
	var p []byte
	for len(p) < n {
		p = fmt.Appendf(p, `{"id":%d,"name":"sensor-%d"}`, r.Uint32(), r.IntN(10))
	}
	return p[:n]
}

// TestRoundTrip takes what the libraries write, also behind other output, with one
// decoder for all.
func TestRoundTrip(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	d := &Decoder{Limits: limits()}
	for _, f := range forms() {
		for _, n := range []int{0, 1, 100, 5000, 300_000, 3 << 20} {
			if n == 0 && f.open {
				continue // such a stream of nothing has no bytes at all
			}
			want := sample(r, n)
			src := f.compress(t, want)
			got, err := d.Append(f.name, []byte("before"), src)
			if err != nil || string(got) != "before"+string(want) {
				t.Errorf("%s of %d bytes: %d bytes, %v", f.title, n, len(got), err)
			}
			if got, err = d.AppendExactly(f.name, nil, src, n); err != nil || !bytes.Equal(got, want) {
				t.Errorf("%s of exactly %d bytes: %d bytes, %v", f.title, n, len(got), err)
			}
			for _, size := range []int{n - 1, n + 1} {
				if size < 0 {
					continue
				}
				if _, err = d.AppendExactly(f.name, nil, src, size); !errors.Is(err, ErrDamaged) {
					t.Errorf("%s of %d bytes as %d: %v", f.title, n, size, err)
				}
			}
		}
	}
}

// TestSeveralFrames takes streams in a row where the format has them.
func TestSeveralFrames(t *testing.T) {
	d := &Decoder{Limits: limits()}
	for _, f := range forms() {
		if strings.Contains(f.title, "block") {
			continue
		}
		src := append(f.compress(t, []byte("one,")), f.compress(t, []byte("two"))...)
		if got, err := d.Append(f.name, nil, src); err != nil || string(got) != "one,two" {
			t.Errorf("%s: %q, %v", f.title, got, err)
		}
	}
}

// TestDamage cuts, extends and flips every byte of compressed texts.
func TestDamage(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, f := range forms() {
		t.Run(f.title, func(t *testing.T) {
			d := &Decoder{Limits: limits()}
			want := sample(r, 700)
			src := f.compress(t, want)
			for n := range src {
				got, err := d.Append(f.name, nil, src[:n])
				if f.open && err == nil && bytes.HasPrefix(want, got) && len(got) < len(want) {
					continue
				}
				if !errors.Is(err, ErrDamaged) || got != nil {
					t.Errorf("cut to %d of %d bytes: %d bytes, %v", n, len(src), len(got), err)
				}
			}
			for _, more := range []string{"\x00", "\x00\x00", "\x00\x00\x00", "\x00\x00\x00\x00", "}", "{}\n", "garbage"} {
				if _, err := d.Append(f.name, nil, append(bytes.Clone(src), more...)); !errors.Is(err, ErrDamaged) {
					t.Errorf("%q behind it: %v", more, err)
				}
			}
			for i := range src {
				hurt := bytes.Clone(src)
				hurt[i] ^= 1 << (i % 8)
				got, err := d.Append(f.name, nil, hurt)
				if err != nil && !errors.Is(err, ErrDamaged) && !errors.Is(err, ErrLimit) {
					t.Errorf("bit of byte %d flipped: %v", i, err)
				}
				if err == nil && !bytes.Equal(got, want) && !strings.Contains(f.title, "block") {
					t.Errorf("bit of byte %d flipped: other text and no error", i)
				}
			}
			if got, err := d.Append(f.name, nil, src); err != nil || !bytes.Equal(got, want) {
				t.Errorf("after all that: %v", err)
			}
		})
	}
}

func TestUnknown(t *testing.T) {
	d := &Decoder{Limits: limits()}
	for _, name := range []string{"", "br", "deflate", "gzip, gzip", " gzip"} {
		if _, err := d.Append(name, nil, nil); !errors.Is(err, ErrUnknown) {
			t.Errorf("%q: %v", name, err)
		}
	}
}

// TestLimits holds outputs against each limit, at it and one beyond.
func TestLimits(t *testing.T) {
	for _, f := range forms() {
		for _, tc := range []struct {
			limits Limits
			n      int
			ok     bool
		}{
			{Limits{Bytes: 100_000, Ratio: 1 << 20, Free: 1, Window: 8 << 20}, 100_000, true},
			{Limits{Bytes: 99_999, Ratio: 1 << 20, Free: 1, Window: 8 << 20}, 100_000, false},
			{Limits{Bytes: 1 << 20, Ratio: 2, Free: 100_000, Window: 8 << 20}, 100_000, true},
			{Limits{Bytes: 1 << 20, Ratio: 2, Free: 99_999, Window: 8 << 20}, 100_000, false},
		} {
			d := &Decoder{Limits: tc.limits}
			got, err := d.Append(f.name, nil, f.compress(t, make([]byte, tc.n)))
			if tc.ok && (err != nil || len(got) != tc.n) || !tc.ok && !errors.Is(err, ErrLimit) {
				t.Errorf("%s, %+v: %d bytes, %v", f.title, tc.limits, len(got), err)
			}
		}
	}
}

func TestWindow(t *testing.T) {
	compress := through(func(w io.Writer) (io.WriteCloser, error) {
		return zstd.NewWriter(w, zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(16<<20))
	})
	d := &Decoder{Limits: limits()}
	if _, err := d.Append("zstd", nil, compress(t, make([]byte, 20<<20))); !errors.Is(err, ErrLimit) || !strings.Contains(err.Error(), "window") {
		t.Errorf("a window of 16 MiB: %v", err)
	}
}

// TestBomb feeds about 10 MB that become 10 GB: what that takes of memory stays below 64 MB.
func TestBomb(t *testing.T) {
	for _, f := range forms() {
		t.Run(f.title, func(t *testing.T) {
			bomb := makeBomb(t, f)
			debug.FreeOSMemory()
			peak(t)
			before := peak(t)
			d := &Decoder{Limits: limits()}
			if _, err := d.Append(f.name, nil, bomb); !errors.Is(err, ErrLimit) {
				t.Fatalf("%d bytes: %v", len(bomb), err)
			}
			if grown := peak(t) - before; grown > 64<<20 {
				t.Errorf("the process grew by %d MiB", grown>>20)
			}
		})
	}
}

// makeBomb compresses zeros until there are 10 MB, or 10 GB went in: many frames
// where the format has them, because each says how long it is.
func makeBomb(t *testing.T, f form) []byte {
	t.Helper()
	if strings.HasSuffix(f.title, "block") { // one length, then as many references as fit
		return append([]byte{0x80, 0x80, 0x80, 0x80, 0x0f}, make([]byte, 10<<20)...)
	}
	part := f.compress(t, make([]byte, 16<<20))
	return bytes.Repeat(part, max(1, min(10<<30/(16<<20), 10<<20/len(part))))
}

// peak is the largest size that the process had since it was last asked.
func peak(t *testing.T) int {
	t.Helper()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Skipf("no peak of memory to be had: %v", err)
	}
	_, after, _ := strings.Cut(string(status), "VmHWM:")
	kib, err := strconv.Atoi(strings.TrimSpace(strings.Split(after, "kB")[0]))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile("/proc/self/clear_refs", []byte("5"), 0); err != nil {
		t.Skipf("the peak of memory cannot be set back: %v", err)
	}
	return kib << 10
}
