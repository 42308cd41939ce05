package inflate

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
)

// whole decodes a buffer with the library, all at once; ok is false if it does not.
func whole(name string, p []byte, most int64) (out []byte, ok bool) {
	var r io.Reader
	var err error
	switch name {
	case "gzip":
		r, err = gzip.NewReader(bytes.NewReader(p))
	case "zstd":
		z, _ := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(uint64(most)))
		defer z.Close()
		out, err = z.DecodeAll(p, nil)
		return out, err == nil
	case "lz4":
		r = lz4.NewReader(bytes.NewReader(p))
	default:
		if strings.HasPrefix(string(p), "\xff\x06\x00\x00") {
			r = s2.NewReader(bytes.NewReader(p))
			break
		}
		if n, err := s2.DecodedLen(p); err != nil || int64(n) > most {
			return nil, false
		}
		out, err = s2.Decode(nil, p)
		return out, err == nil
	}
	if err != nil {
		return nil, false
	}
	out, err = io.ReadAll(io.LimitReader(r, most))
	return out, err == nil
}

// FuzzAppend: what is taken is what the library decodes, and what is refused is refused
// for a reason of one of the kinds. One decoder reads all inputs.
func FuzzAppend(f *testing.F) {
	r := rand.New(rand.NewPCG(1, 2))
	for i, form := range forms() {
		f.Add(uint8(i), form.compress(f, sample(r, 300)))
	}
	names := []string{"gzip", "zstd", "lz4", "snappy"}
	d := &Decoder{Limits: Limits{Bytes: 1 << 20, Ratio: 100, Free: 1 << 16, Window: 1 << 20}}
	f.Fuzz(func(t *testing.T, which uint8, p []byte) {
		name := names[int(which)%len(names)]
		got, err := d.Append(name, nil, p)
		if err != nil {
			if !errors.Is(err, ErrDamaged) && !errors.Is(err, ErrLimit) {
				t.Fatalf("%s: %v", name, err)
			}
			return
		}
		if len(got) > d.Limits.Of(len(p)) {
			t.Fatalf("%s: %d bytes of %d", name, len(got), len(p))
		}
		want, ok := whole(name, p, 2<<20)
		if !ok || !bytes.Equal(got, want) {
			t.Fatalf("%s: %d bytes, the library has %d, %t", name, len(got), len(want), ok)
		}
	})
}
