package sink

import (
	"github.com/apache/arrow/go/v17/arrow"

	"github.com/pst-bridge/pst-bridge/sink/lance/fields"
	"github.com/pst-bridge/pst-bridge/sink/lance/file"
)

// Holds tells why a new column of a table cannot be of a field, whatever the table is
// like. It may be called concurrently.
func Holds(f arrow.Field) error {
	s, err := fields.FromArrow(arrow.NewSchema([]arrow.Field{f}, nil))
	if err != nil {
		return err
	}
	return file.Holds(s, file.V2_1)
}
