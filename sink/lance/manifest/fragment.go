package manifest

import (
	"errors"
	"fmt"
	"math"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/pst-bridge/pst-bridge/sink/lance/deletion"
	"github.com/pst-bridge/pst-bridge/sink/lance/internal/lancepb"
)

// Fragment is a horizontal slice of a table's rows: files that hold some columns
// each, all with the same number of rows.
type Fragment struct {
	ID           uint64
	Files        []DataFile
	PhysicalRows uint64 // deleted ones included
	DeletedRows  uint64
	// Deletions is true where a deletion file says which rows are gone: Deletion.
	Deletions bool
	Deletion  deletion.File

	// rowFields is what a table with stable row ids says of the rows of a new fragment.
	rowFields []byte
}

// DataFile is one file of a fragment.
type DataFile struct {
	Path         string  // below data/, or below the base
	Fields       []int32 // ids; negative ones are columns that are no more
	Columns      []int32 // parallel to Fields: physical columns, -1 for none
	Major, Minor uint32  // file version
	Size         uint64  // bytes; 0: unknown
	// External is true for a file below another base directory.
	External bool
}

// Marshal encodes a new fragment as it stands in manifests and transactions. It is
// for fragments made here: deletions are not part of it.
func (f *Fragment) Marshal() ([]byte, error) {
	m := &lancepb.DataFragment{Id: f.ID, PhysicalRows: f.PhysicalRows}
	for i := range f.Files {
		m.Files = append(m.Files, f.Files[i].proto())
	}
	data, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
	return append(data, f.rowFields...), err
}

func (d *DataFile) proto() *lancepb.DataFile {
	return &lancepb.DataFile{
		Path: d.Path, Fields: d.Fields, ColumnIndices: d.Columns,
		FileMajorVersion: d.Major, FileMinorVersion: d.Minor, FileSizeBytes: d.Size,
	}
}

var errWireType = errors.New("field has the wrong wire type")

// wire walks the fields of a message. Visit gets varints in n and everything with a
// length in b; what it does not know it ignores.
func wire(b []byte, visit func(num protowire.Number, n uint64, b []byte) error) error {
	for len(b) > 0 {
		num, typ, size := protowire.ConsumeTag(b)
		if size < 0 {
			return protowire.ParseError(size)
		}
		b = b[size:]
		var n uint64
		var content []byte
		switch typ {
		case protowire.VarintType:
			n, size = protowire.ConsumeVarint(b)
		case protowire.BytesType:
			content, size = protowire.ConsumeBytes(b)
			if content == nil {
				content = []byte{}
			}
		default:
			size = protowire.ConsumeFieldValue(num, typ, b)
		}
		if size < 0 {
			return protowire.ParseError(size)
		}
		b = b[size:]
		if typ == protowire.VarintType || typ == protowire.BytesType {
			if err := visit(num, n, content); err != nil {
				return fmt.Errorf("field %d: %w", num, err)
			}
		}
	}
	return nil
}

// decode fills f from a stored fragment, reusing its memory.
func (f *Fragment) decode(b []byte) error {
	*f = Fragment{Files: f.Files[:0]}
	err := wire(b, func(num protowire.Number, n uint64, b []byte) error {
		switch num {
		case 1:
			f.ID = n
		case 2:
			if len(f.Files) < cap(f.Files) {
				f.Files = f.Files[:len(f.Files)+1]
			} else {
				f.Files = append(f.Files, DataFile{})
			}
			return f.Files[len(f.Files)-1].decode(b)
		case 3:
			f.Deletions = true
			return wire(b, f.decodeDeletion)
		case 4:
			f.PhysicalRows = n
		}
		return nil
	})
	switch {
	case err != nil:
		return err
	case f.DeletedRows > f.PhysicalRows:
		return fmt.Errorf("%d of %d rows are deleted", f.DeletedRows, f.PhysicalRows)
	}
	return nil
}

// decodeDeletion takes one field of the message about the deletion file.
func (f *Fragment) decodeDeletion(num protowire.Number, n uint64, _ []byte) error {
	switch num {
	case 1:
		f.Deletion.Kind = deletion.Kind(n)
	case 2:
		f.Deletion.ReadVersion = n
	case 3:
		f.Deletion.ID = n
	case 4:
		f.DeletedRows, f.Deletion.Rows = n, n
	case 7:
		f.Deletion.External = true
	}
	return nil
}

func (d *DataFile) decode(b []byte) error {
	*d = DataFile{Fields: d.Fields[:0], Columns: d.Columns[:0]}
	err := wire(b, func(num protowire.Number, n uint64, b []byte) (err error) {
		switch num {
		case 1:
			d.Path = string(b)
		case 2:
			d.Fields, err = appendInts(d.Fields, n, b)
		case 3:
			d.Columns, err = appendInts(d.Columns, n, b)
		case 4:
			d.Major = uint32(n)
		case 5:
			d.Minor = uint32(n)
		case 6:
			d.Size = n
		case 7:
			d.External = true
		}
		return err
	})
	switch {
	case err != nil:
		return err
	case d.Path == "":
		return errors.New("data file without a path")
	case len(d.Fields) != len(d.Columns) && len(d.Columns) != 0:
		return fmt.Errorf("data file %s has %d fields in %d columns", d.Path, len(d.Fields), len(d.Columns))
	}
	return nil
}

// appendInts appends a repeated int32, packed or one of a sequence of varints.
func appendInts(to []int32, n uint64, packed []byte) ([]int32, error) {
	if packed == nil {
		return append(to, int32(n)), nil
	}
	for len(packed) > 0 {
		v, size := protowire.ConsumeVarint(packed)
		if size < 0 {
			return nil, protowire.ParseError(size)
		}
		to = append(to, int32(v))
		packed = packed[size:]
	}
	return to, nil
}

// stats are sums over all fragments.
type stats struct {
	liveRows    uint64
	maxFieldID  int32  // -1 without any
	maxID       uint64 // of fragments; 0 without any
	deletions   bool
	fileVersion [2]uint32 // of the first data file
}

func newStats() stats { return stats{maxFieldID: -1} }

// add counts one fragment in.
func (s *stats) add(f *Fragment) error {
	live := f.PhysicalRows - f.DeletedRows
	if s.liveRows > math.MaxUint64-live {
		return errors.New("row counts overflow")
	}
	if f.ID > math.MaxUint32 {
		return fmt.Errorf("fragment id %d exceeds 32 bits", f.ID)
	}
	s.liveRows += live
	s.maxID = max(s.maxID, f.ID)
	s.deletions = s.deletions || f.Deletions
	for i := range f.Files {
		for _, id := range f.Files[i].Fields {
			s.maxFieldID = max(s.maxFieldID, id)
		}
		if s.fileVersion == [2]uint32{} {
			s.fileVersion = [2]uint32{f.Files[i].Major, f.Files[i].Minor}
		}
	}
	return nil
}
