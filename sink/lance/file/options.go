package file

import (
	"fmt"
	"sync"

	"github.com/pst-bridge/pst-bridge/sink/lance/encoding"
	"github.com/pst-bridge/pst-bridge/sink/lance/fields"
)

// Version is a version of the file format.
type Version = encoding.Version

// The versions by name; the zero value is the default.
const (
	V2_1 = encoding.V2_1
	V2_2 = encoding.V2_2
	V2_0 = encoding.V2_0 // read only
)

// ParseVersion reads a version as manifests spell it, such as "2.1". The error is a
// fields.ErrUnsupported that names it.
func ParseVersion(s string) (Version, error) { return encoding.ParseVersion(s) }

// Compression is what is asked for on top of the light encodings.
type Compression = encoding.Compression

// The compressions of the format.
const (
	None = encoding.None
	Zstd = encoding.Zstd
	LZ4  = encoding.LZ4
)

// DefaultPageBytes is the Arrow data a column gathers before a page is cut,
// that of the reference writer.
const DefaultPageBytes = 8 << 20

// WriterOptions say how a file is written; the zero value is the default.
type WriterOptions struct {
	Version     Version
	Compression Compression
	Level       int   // of zstd, 1 to 22; 0 means encoding.DefaultZstdLevel
	PageBytes   int   // Arrow bytes of a column per page; 0 means DefaultPageBytes
	Pool        *Pool // recycles encoders between files; may be nil
}

// validate fills in defaults.
func (o WriterOptions) validate() (WriterOptions, error) {
	if o.Version > V2_2 {
		return o, fmt.Errorf("write file version %s: %w", o.Version, fields.ErrUnsupported)
	}
	if o.PageBytes < 0 {
		return o, fmt.Errorf("page size of %d bytes: want 0 or more", o.PageBytes)
	}
	if o.PageBytes == 0 {
		o.PageBytes = DefaultPageBytes
	}
	return o, nil
}

// Pool keeps encoders, whose compressor tables are costly to make, for the
// next file. The zero value is ready; a Pool may be used concurrently and must
// not be copied.
type Pool struct{ pool sync.Pool }

// pooled is an encoder, what it was made for, and the memory of the pages it writes.
type pooled struct {
	options encoding.Options
	encoder *encoding.Encoder
	memory  recycler
}

func (p *Pool) get(o encoding.Options) (*pooled, error) {
	if p != nil {
		if e, ok := p.pool.Get().(*pooled); ok && e.options == o {
			return e, nil
		}
	}
	enc, err := encoding.NewEncoder(o)
	if err != nil {
		return nil, err
	}
	return &pooled{options: o, encoder: enc}, nil
}

func (p *Pool) put(e *pooled) {
	if p != nil && e != nil {
		p.pool.Put(e)
	}
}
