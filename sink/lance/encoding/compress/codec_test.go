package compress

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/pst-bridge/pst-bridge/sink/lance/fields"
	"github.com/pst-bridge/pst-bridge/sink/lance/internal/lancepb"
)

func codecs(t *testing.T) map[string]*Codec {
	t.Helper()
	all := make(map[string]*Codec)
	for _, s := range []Scheme{SchemeLZ4, SchemeZstd} {
		c, err := NewCodec(s, 1)
		if err != nil {
			t.Fatal(err)
		}
		all[s.String()] = c
	}
	return all
}

func expander(t *testing.T, c *Codec, limit int) *Expander {
	t.Helper()
	shared := &Expanders{}
	t.Cleanup(shared.Close)
	x, err := shared.Open(c.Encoding(nil).GetGeneral().GetCompression(), limit)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func TestCodecReverses(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	noise := make([]byte, 30_000)
	for i := range noise {
		noise[i] = byte(rng.Uint32())
	}
	for name, c := range codecs(t) {
		x := expander(t, c, 1<<20)
		for _, n := range []int{0, 1, 14, 15, 16, 269, 270, 271, 525, 30_000} {
			for _, src := range [][]byte{noise[:n], bytes.Repeat([]byte("ab"), n)[:n]} {
				prefix := []byte("before")
				framed, err := c.Append(bytes.Clone(prefix), src)
				if err != nil {
					t.Fatal(err)
				}
				got, err := x.Expand(framed[len(prefix):])
				if err != nil || !bytes.Equal(got, src) || !bytes.HasPrefix(framed, prefix) {
					t.Errorf("%s: %d bytes do not survive: %v", name, n, err)
				}
			}
		}
	}
}

func TestLiteralBlocks(t *testing.T) {
	x := &Expander{scheme: SchemeLZ4, limit: 1 << 20, shared: &Expanders{}}
	for _, n := range []int{0, 1, 14, 15, 16, 269, 270, 271, 5000} {
		src := bytes.Repeat([]byte{7}, n)
		framed := appendLiterals(binary.LittleEndian.AppendUint32(nil, uint32(n)), src)
		got, err := x.Expand(framed)
		if err != nil || !bytes.Equal(got, src) {
			t.Errorf("%d literals do not survive: %v", n, err)
		}
	}
}

func TestExpanderReadsBareFrames(t *testing.T) {
	c := codecs(t)["zstd"]
	src := []byte(strings.Repeat("bare frames have no length before them ", 20))
	got, err := expander(t, c, 1<<20).Expand(c.zstd.EncodeAll(src, nil))
	if err != nil || !bytes.Equal(got, src) {
		t.Errorf("a bare zstd frame does not survive: %v", err)
	}
}

func TestExpanderRefusesLies(t *testing.T) {
	for name, c := range codecs(t) {
		framed, err := c.Append(nil, bytes.Repeat([]byte("lies "), 100))
		if err != nil {
			t.Fatal(err)
		}
		x := expander(t, c, 1<<20)
		for _, size := range []uint32{0, 1, 499, 501, 1 << 19, 1 << 30, 1<<32 - 1} {
			lie := bytes.Clone(framed)
			binary.LittleEndian.PutUint32(lie, size)
			if _, err := x.Expand(lie); err == nil {
				t.Errorf("%s: 500 bytes that claim to be %d are read without an error", name, size)
			}
		}
		if cap(x.shared.out) > 1<<20 {
			t.Errorf("%s: lies made it allocate %d bytes", name, cap(x.shared.out))
		}
		for n := 1; n < len(framed); n++ {
			if _, err := x.Expand(framed[:n]); err == nil {
				t.Errorf("%s: %d of %d bytes are read without an error", name, n, len(framed))
			}
		}
	}
}

func TestUnknownSchemesAreNamed(t *testing.T) {
	_, err := new(Expanders).Open(&lancepb.BufferCompression{Scheme: 9}, 1)
	if !errors.Is(err, fields.ErrUnsupported) || !strings.Contains(err.Error(), "9") {
		t.Errorf("scheme 9: %v", err)
	}
}
