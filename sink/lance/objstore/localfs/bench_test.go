package localfs

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"testing"
)

// BenchmarkFirstOfMany finds the newest of a day's versions, one a second.
func BenchmarkFirstOfMany(b *testing.B) {
	dir := filepath.Join(b.TempDir(), "t.lance")
	if err := os.MkdirAll(filepath.Join(dir, "_versions"), 0o777); err != nil {
		b.Fatal(err)
	}
	for v := range uint64(86_400) {
		name := fmt.Sprintf("%020d.manifest", math.MaxUint64-v)
		if err := os.WriteFile(filepath.Join(dir, "_versions", name), nil, 0o600); err != nil {
			b.Fatal(err)
		}
	}
	s, err := Open(dir)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		for info, err := range s.List(b.Context(), "_versions/") {
			if err != nil || info.Key == "" {
				b.Fatal(err)
			}
			break
		}
	}
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
}
