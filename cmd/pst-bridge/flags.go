package main

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Bytes is a number of bytes on the command line: 4096, 64KB, 16MiB.
type Bytes int64

// byteUnits are the endings that Bytes understands: powers of 1000 and of 1024.
func byteUnits() map[string]int64 {
	return map[string]int64{
		"": 1, "b": 1,
		"kb": 1e3, "mb": 1e6, "gb": 1e9, "tb": 1e12,
		"k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40,
		"kib": 1 << 10, "mib": 1 << 20, "gib": 1 << 30, "tib": 1 << 40,
	}
}

// UnmarshalText parses a size such as 16MiB or 100MB.
func (b *Bytes) UnmarshalText(text []byte) error {
	s := strings.ToLower(strings.TrimSpace(string(text)))
	digits := strings.TrimRight(s, "abcdefghijklmnopqrstuvwxyz ")
	unit, ok := byteUnits()[strings.TrimSpace(s[len(digits):])]
	n, err := strconv.ParseFloat(digits, 64)
	if err != nil || !ok || n < 0 || math.IsNaN(n) {
		return fmt.Errorf("%q is not a size: write a number with or without a unit, such as 16MiB or 100MB", text)
	}
	if n*float64(unit) >= math.MaxInt64 {
		return fmt.Errorf("%q is too large a size", text)
	}
	*b = Bytes(n * float64(unit))
	return nil
}

// String writes b in the largest binary unit that divides it.
func (b Bytes) String() string {
	switch {
	case b != 0 && b%(1<<30) == 0:
		return strconv.FormatInt(int64(b>>30), 10) + "GiB"
	case b != 0 && b%(1<<20) == 0:
		return strconv.FormatInt(int64(b>>20), 10) + "MiB"
	case b != 0 && b%(1<<10) == 0:
		return strconv.FormatInt(int64(b>>10), 10) + "KiB"
	default:
		return strconv.FormatInt(int64(b), 10)
	}
}
