package file_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/pst-bridge/pst-bridge/sink/lance/file"
	"github.com/pst-bridge/pst-bridge/testenv/lanceref"
)

// The reference reads every type as it was written, with every compression, in
// one page and in many.
func TestReferenceReadsWhatWeWrite(t *testing.T) {
	ref := lanceref.Start(t)
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	fs := sampleTypes()
	for _, n := range []nulls{noNulls, someNulls, allNulls} {
		for _, long := range []bool{false, true} {
			s := &sampler{Rand: rand.New(rand.NewPCG(seed, 1)), nulls: n, long: long}
			for i := range fs {
				fs[i].Nullable = n != noNulls
			}
			rec := s.record(t, fs, 2100)
			for _, c := range compressions() {
				for _, pageBytes := range []int{0, 3000} {
					data, _ := encode(t, file.WriterOptions{Compression: c, PageBytes: pageBytes}, rec)
					path := filepath.Join(t.TempDir(), "x.lance")
					if err := os.WriteFile(path, data, 0o600); err != nil {
						t.Fatal(err)
					}
					if err := ref.CompareDataFile(path, rec.Schema(), rec); err != nil {
						t.Error(fmt.Errorf("nulls %s, long values %t, %s, pages of %d bytes: %w", n, long, c, pageBytes, err))
					}
				}
			}
			rec.Release()
		}
	}
}
