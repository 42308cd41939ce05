package commit

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"

	"google.golang.org/protobuf/proto"

	"github.com/pst-bridge/pst-bridge/sink/lance/corrupt"
	"github.com/pst-bridge/pst-bridge/sink/lance/internal/lancepb"
	"github.com/pst-bridge/pst-bridge/sink/lance/manifest"
	"github.com/pst-bridge/pst-bridge/sink/lance/objstore"
)

// transactionsDir holds the transaction files of a table.
const transactionsDir = "_transactions/"

// Transaction returns what a version did: from inside its manifest, else from the
// file that it names. ErrNoVersion if there is no such version, ErrNoTransaction if
// neither place has it.
func (l *Log) Transaction(ctx context.Context, version uint64) (*Transaction, error) {
	m, err := l.Version(ctx, version)
	if err != nil {
		return nil, err
	}
	return l.transactionOf(ctx, m)
}

func (l *Log) transactionOf(ctx context.Context, m *manifest.Manifest) (*Transaction, error) {
	key, data := m.Entry().Key, m.InlineTransaction()
	if data == nil {
		if m.TransactionFile() == "" {
			return nil, fmt.Errorf("version %d: %w", m.Version(), ErrNoTransaction)
		}
		key = transactionsDir + m.TransactionFile()
		var err error
		data, _, err = manifest.ReadBytes(ctx, l.store, key)
		if errors.Is(err, objstore.ErrNotExist) {
			return nil, fmt.Errorf("version %d: %w: %w", m.Version(), ErrNoTransaction, err)
		}
		if err != nil {
			return nil, err
		}
	}
	return decodeTransaction(key, data, m.Version())
}

// decodeTransaction reads the message of the transaction that made a version.
func decodeTransaction(key string, data []byte, version uint64) (*Transaction, error) {
	var m lancepb.Transaction
	if err := proto.Unmarshal(data, &m); err != nil {
		return nil, corrupt.Errorf(key, "transaction", -1, "%w", err)
	}
	t := &Transaction{UUID: m.Uuid, ReadVersion: m.ReadVersion, Operation: operationOf(&m), Properties: m.TransactionProperties}
	if t.Operation == OpOverwrite && version == 1 {
		t.Operation = OpCreate
	}
	t.RestoredTo = m.GetRestore().GetVersion()
	return t, nil
}

func operationOf(m *lancepb.Transaction) Operation {
	switch m.Operation.(type) {
	case *lancepb.Transaction_Append:
		return OpAppend
	case *lancepb.Transaction_Delete:
		return OpDelete
	case *lancepb.Transaction_Overwrite:
		return OpOverwrite
	case *lancepb.Transaction_CreateIndex:
		return OpCreateIndex
	case *lancepb.Transaction_Rewrite:
		return OpRewrite
	case *lancepb.Transaction_Merge:
		return OpMerge
	case *lancepb.Transaction_Restore:
		return OpRestore
	case *lancepb.Transaction_ReserveFragments:
		return OpReserveFragments
	case *lancepb.Transaction_Update:
		return OpUpdate
	case *lancepb.Transaction_Project:
		return OpProject
	case *lancepb.Transaction_UpdateConfig:
		return OpUpdateConfig
	case *lancepb.Transaction_DataReplacement:
		return OpDataReplacement
	case *lancepb.Transaction_UpdateMemWalState:
		return OpUpdateMemWalState
	case *lancepb.Transaction_Clone:
		return OpClone
	case *lancepb.Transaction_UpdateBases:
		return OpUpdateBases
	case *lancepb.Transaction_DataOverlay:
		return OpDataOverlay
	case *lancepb.Transaction_Composite:
		return OpComposite
	}
	return OpUnknown
}

// newUUID returns a random UUID in its usual form.
func newUUID() string {
	var b [16]byte
	_, _ = rand.Read(b[:])    // never fails
	b[6] = b[6]&0x0f | 4<<4   // version 4
	b[8] = b[8]&0x3f | 0x2<<6 // variant of RFC 9562
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
