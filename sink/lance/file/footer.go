package file

import (
	"encoding/binary"
	"fmt"

	"github.com/pst-bridge/pst-bridge/sink/lance/encoding"
	"github.com/pst-bridge/pst-bridge/sink/lance/fields"
)

const (
	// footerBytes is the fixed size of the footer.
	footerBytes = 40
	// magic ends every file.
	magic = "LANC"
	// alignment is that of page buffers and global buffers; readers insist.
	alignment = 64
	// padByte fills up to the alignment; its value is free.
	padByte = 0x48
	// tableEntry is the size of an entry of the CMO and GBO tables.
	tableEntry = 16
)

// footer is the end of a file.
type footer struct {
	columnMeta    uint64 // position of the first column metadata
	cmoTable      uint64
	gboTable      uint64
	globalBuffers uint32
	columns       uint32
	major, minor  uint16
}

func (f footer) append(dst []byte) []byte {
	dst = binary.LittleEndian.AppendUint64(dst, f.columnMeta)
	dst = binary.LittleEndian.AppendUint64(dst, f.cmoTable)
	dst = binary.LittleEndian.AppendUint64(dst, f.gboTable)
	dst = binary.LittleEndian.AppendUint32(dst, f.globalBuffers)
	dst = binary.LittleEndian.AppendUint32(dst, f.columns)
	dst = binary.LittleEndian.AppendUint16(dst, f.major)
	dst = binary.LittleEndian.AppendUint16(dst, f.minor)
	return append(dst, magic...)
}

// parseFooter reads the last footerBytes of a file of the given size and
// checks that the regions lie in the file in their order.
func parseFooter(b []byte, size uint64) (footer, error) {
	if string(b[36:]) != magic {
		return footer{}, fmt.Errorf("the file ends in %q instead of %q", b[36:], magic)
	}
	f := footer{
		columnMeta:    binary.LittleEndian.Uint64(b),
		cmoTable:      binary.LittleEndian.Uint64(b[8:]),
		gboTable:      binary.LittleEndian.Uint64(b[16:]),
		globalBuffers: binary.LittleEndian.Uint32(b[24:]),
		columns:       binary.LittleEndian.Uint32(b[28:]),
		major:         binary.LittleEndian.Uint16(b[32:]),
		minor:         binary.LittleEndian.Uint16(b[34:]),
	}
	if f.major == 0 && f.minor < 3 {
		return footer{}, fmt.Errorf("legacy file version 0.1: %w", fields.ErrUnsupported)
	}
	end := size - footerBytes
	if f.columnMeta > f.cmoTable || f.cmoTable > f.gboTable || f.gboTable > end {
		return footer{}, fmt.Errorf("regions at %d, %d and %d are out of order or outside the file",
			f.columnMeta, f.cmoTable, f.gboTable)
	}
	if uint64(f.columns)*tableEntry > f.gboTable-f.cmoTable {
		return footer{}, fmt.Errorf("no room for the table of %d columns", f.columns)
	}
	if f.globalBuffers == 0 || uint64(f.globalBuffers)*tableEntry > end-f.gboTable {
		return footer{}, fmt.Errorf("no room for the table of %d global buffers", f.globalBuffers)
	}
	return f, nil
}

// version is the format version that a footer names.
func (f footer) version() (encoding.Version, error) {
	if f.major == 2 && f.minor == 1 {
		return encoding.V2_1, nil
	}
	if f.major == 2 && f.minor == 2 {
		return encoding.V2_2, nil
	}
	if f.major == 0 && f.minor == 3 {
		return encoding.V2_0, nil
	}
	return 0, fmt.Errorf("file version %d.%d: %w", f.major, f.minor, fields.ErrUnsupported)
}

// itemPages reports whether the pages of a column below a list count the items
// of that list rather than rows: so it is in version 2.0.
func (f footer) itemPages() bool { return f.major == 0 && f.minor == 3 }

// pageURL names the message that describes a page.
func (f footer) pageURL() string {
	if f.itemPages() {
		return arrayEncodingURL
	}
	return pageLayoutURL
}

// entry is where a region lies.
type entry struct{ position, length uint64 }

func appendTable(dst []byte, entries []entry) []byte {
	for _, e := range entries {
		dst = binary.LittleEndian.AppendUint64(dst, e.position)
		dst = binary.LittleEndian.AppendUint64(dst, e.length)
	}
	return dst
}

func parseTable(b []byte) []entry {
	entries := make([]entry, len(b)/tableEntry)
	for i := range entries {
		entries[i].position = binary.LittleEndian.Uint64(b[i*tableEntry:])
		entries[i].length = binary.LittleEndian.Uint64(b[i*tableEntry+8:])
	}
	return entries
}
