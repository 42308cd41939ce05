// Package figures is what the benchmark programs of testenv share: the median of
// paired runs and a CPU profile of them.
package figures

import (
	"errors"
	"os"
	"path/filepath"
	"runtime/pprof"
	"slices"
)

// Median returns the middle of v, the mean of the two middle ones where their number
// is even. v stays as it is and must not be empty.
func Median(v []float64) float64 {
	s := slices.Sorted(slices.Values(v))
	return (s[(len(s)-1)/2] + s[len(s)/2]) / 2
}

// CPUProfile writes a CPU profile to path until stop is called, which returns
// whether the file is whole. An empty path profiles nothing.
func CPUProfile(path string) (stop func() error, err error) {
	if path == "" {
		return func() error { return nil }, nil
	}
	f, err := os.Create(filepath.Clean(path))
	if err != nil {
		return nil, err
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return func() error { pprof.StopCPUProfile(); return f.Close() }, nil
}
