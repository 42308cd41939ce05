package encoding

import (
	"fmt"

	"github.com/pst-bridge/pst-bridge/sink/lance/encoding/layout"
	"github.com/pst-bridge/pst-bridge/sink/lance/fields"
)

// Version is a version of the data file format. It decides the grammar of
// pages; all data files of a table have the same.
type Version uint8

// The versions by name. The zero value is the default.
const (
	V2_1 Version = iota // two-byte chunk words
	V2_2                // four-byte chunk words, constant pages, maps
	V2_0                // read only: pages are arrays, see package file/v20
)

// Number is the major and minor version as footers and manifests record it.
func (v Version) Number() (major, minor uint16) {
	switch v {
	case V2_0:
		return 2, 0 // in manifests; footers say 0.3
	case V2_2:
		return 2, 2
	case V2_1:
	}
	return 2, 1
}

// grammar is that of the version's pages.
func (v Version) grammar() layout.Grammar { return layout.Grammar(v == V2_2) }

// ParseVersion is the reverse of String. The error is a fields.ErrUnsupported
// that names the version.
func ParseVersion(s string) (Version, error) {
	for _, v := range []Version{V2_1, V2_2} {
		if v.String() == s {
			return v, nil
		}
	}
	return 0, fmt.Errorf("file version %s: %w", s, fields.ErrUnsupported)
}

// String is the version as manifests spell it.
func (v Version) String() string {
	major, minor := v.Number()
	return fmt.Sprintf("%d.%d", major, minor)
}

// Compression is what the user asks for on top of the light encodings.
type Compression uint8

// The compressions of the format; there are no others.
const (
	None Compression = iota // light encodings only
	Zstd
	LZ4
)

// String is the name that settings and field metadata use.
func (c Compression) String() string {
	switch c {
	case None:
		return "none"
	case Zstd:
		return "zstd"
	case LZ4:
		return "lz4"
	}
	return fmt.Sprintf("compression %d", uint8(c))
}

// DefaultZstdLevel is the zstd level when none is given: the fastest, because
// on the bridge's rows the next level costs a third more time for nothing.
const DefaultZstdLevel = 1
