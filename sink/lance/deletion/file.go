package deletion

import (
	"fmt"

	"github.com/pst-bridge/pst-bridge/sink/lance/corrupt"
)

// Kind is the form of a deletion file, by the numbers of the format.
type Kind int32

// The two forms.
const (
	Array  Kind = 0
	Bitmap Kind = 1
)

// File is what a manifest says of a fragment's deletion file.
type File struct {
	Kind        Kind
	ReadVersion uint64 // the version that the delete was made from
	ID          uint64 // random
	Rows        uint64 // how many rows it lists
	External    bool   // it lies below another base directory
}

// Key is the object of a fragment's deletion file.
func (f *File) Key(fragment uint64) string {
	suffix := "arrow"
	if f.Kind == Bitmap {
		suffix = "bin"
	}
	return fmt.Sprintf("_deletions/%d-%d-%d.%s", fragment, f.ReadVersion, f.ID, suffix)
}

// Decode reads the content of a deletion file that lists exactly want rows of a
// fragment of the given physical rows: ascending and without doubles. Damage is a
// *corrupt.Error without a key; memory is bounded by the size of data and by want.
func (k Kind) Decode(data []byte, physical, want uint64) ([]uint32, error) {
	if want > physical || physical > 1<<32 {
		return nil, corrupt.Errorf("", "deletion file", -1, "%d of %d rows", want, physical)
	}
	var rows []uint32
	var err error
	switch k {
	case Array:
		rows, err = decodeArrow(data, want)
	case Bitmap:
		rows, err = decodeRoaring(data, want)
	default:
		err = fmt.Errorf("form %d is unknown", k)
	}
	if err != nil {
		return nil, err
	}
	return rows, check(rows, physical, want)
}

// check holds sorted rows against what the manifest says.
func check(rows []uint32, physical, want uint64) error {
	if uint64(len(rows)) != want {
		return corrupt.Errorf("", "deletion file", -1, "it lists %d rows, the manifest %d", len(rows), want)
	}
	for i, row := range rows {
		if uint64(row) >= physical {
			return corrupt.Errorf("", "deletion file", -1, "row %d of a fragment of %d", row, physical)
		}
		if i > 0 && rows[i-1] >= row {
			return corrupt.Errorf("", "deletion file", -1, "row %d is listed twice", row)
		}
	}
	return nil
}
