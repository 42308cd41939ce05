package fields

import (
	"strconv"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/pst-bridge/pst-bridge/sink/lance/internal/lancepb"
)

// The keys of Arrow field metadata that mark the columns of a primary key, which nobody
// enforces, and give their order, from 1. The format keeps both in the field, too, and
// readers go by that.
const (
	keyPrimary         = "lance-schema:unenforced-primary-key"
	keyPrimaryPosition = keyPrimary + ":position"
)

// numberPosition is the number of the position in a stored field.
const numberPosition = 13

// markPrimary gives a field that was made here what its metadata says of the key.
func (f *Field) markPrimary(m *lancepb.Field) {
	switch strings.ToLower(f.Metadata[keyPrimary]) {
	case "true", "1", "yes":
	default:
		return
	}
	m.UnenforcedPrimaryKey = true
	if at, err := strconv.ParseUint(f.Metadata[keyPrimaryPosition], 10, 32); err == nil && at > 0 {
		m.ProtoReflect().SetUnknown(protowire.AppendVarint(protowire.AppendTag(nil, numberPosition, protowire.VarintType), at))
	}
}
