package manifest

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/pst-bridge/pst-bridge/sink/lance/fields"
)

// Feature flags. A reader refuses a reader bit it does not know, a writer either.
const (
	flagDeletions     uint64 = 1  // some fragment has a deletion file
	flagStableRowIDs  uint64 = 2  // every fragment must carry row ids
	flagV2Format      uint64 = 4  // obsolete
	flagConfig        uint64 = 8  // config is not empty
	flagBasePaths     uint64 = 16 // some files lie below another directory
	flagNoTransaction uint64 = 32 // transactions are inline only

	knownFlags = flagDeletions | flagStableRowIDs | flagV2Format | flagConfig | flagBasePaths | flagNoTransaction
)

// checkReadable refuses a version that only a newer reader understands.
func checkReadable(reader uint64) error {
	if unknown := reader &^ knownFlags; unknown != 0 {
		return fmt.Errorf("reader feature flag %s: %w", bits(unknown), fields.ErrUnsupported)
	}
	return nil
}

// Writable says why a version may not be built upon: it has a feature flag that
// this library does not know. The error wraps fields.ErrUnsupported.
func (m *Manifest) Writable() error {
	if unknown := m.head.WriterFeatureFlags &^ knownFlags; unknown != 0 {
		return fmt.Errorf("version %d: writer feature flag %s: %w", m.Version(), bits(unknown), fields.ErrUnsupported)
	}
	return nil
}

// StableRowIDs reports whether rows keep their ids when they are rewritten.
func (m *Manifest) StableRowIDs() bool {
	return (m.head.ReaderFeatureFlags|m.head.WriterFeatureFlags)&flagStableRowIDs != 0
}

// TransactionFiles reports whether versions of this table name a transaction file.
func (m *Manifest) TransactionFiles() bool { return m.head.WriterFeatureFlags&flagNoTransaction == 0 }

// updateFlags recomputes the flags that follow from what the version holds.
func (m *Manifest) updateFlags() {
	set := func(flag uint64, on bool, words ...*uint64) {
		for _, w := range words {
			*w &^= flag
			if on {
				*w |= flag
			}
		}
	}
	reader, writer := &m.head.ReaderFeatureFlags, &m.head.WriterFeatureFlags
	set(flagDeletions, m.stats.deletions, reader, writer)
	set(flagBasePaths, len(m.head.BasePaths) > 0, reader, writer)
	set(flagConfig, len(m.head.Config) > 0, writer)
}

// bits lists the single bits of a mask as numbers.
func bits(mask uint64) string {
	var list []string
	for bit := uint64(1); bit != 0; bit <<= 1 {
		if mask&bit != 0 {
			list = append(list, strconv.FormatUint(bit, 10))
		}
	}
	return strings.Join(list, ", ")
}
