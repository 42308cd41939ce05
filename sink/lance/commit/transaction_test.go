package commit

import (
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/pst-bridge/pst-bridge/sink/lance/corrupt"
	"github.com/pst-bridge/pst-bridge/sink/lance/fields"
	"github.com/pst-bridge/pst-bridge/sink/lance/internal/lancepb"
	"github.com/pst-bridge/pst-bridge/sink/lance/manifest"
	"github.com/pst-bridge/pst-bridge/sink/lance/objstore/memstore"
	"github.com/pst-bridge/pst-bridge/testenv/alloccap"
)

func oneColumn(id int32, name, logical string) *fields.Schema {
	return &fields.Schema{Fields: []*fields.Field{{ID: id, ParentID: fields.NoParent, Name: name, LogicalType: logical, Nullable: true}}}
}

func TestTransactionRoundTrip(t *testing.T) {
	fragments := []manifest.Fragment{{PhysicalRows: 3, Files: []manifest.DataFile{{Path: "x", Fields: []int32{0}, Columns: []int32{0}, Major: 2, Minor: 1}}}}
	for _, p := range []*Proposal{
		{UUID: "a", Operation: OpCreate, Schema: oneColumn(0, "c", "int64"), SetConfig: map[string]string{"k": "v"}},
		{UUID: "b", Operation: OpAppend, Properties: map[string]string{"p": "q"}},
		{UUID: "c", Operation: OpProject, Schema: oneColumn(0, "c", "int64")},
		{UUID: "d", Operation: OpUpdateConfig, SetConfig: map[string]string{"k": "v", "": ""}},
	} {
		version := uint64(8)
		if p.Operation == OpCreate {
			version = 1
		}
		data, err := encodeTransaction(p, version-1, &manifest.Change{Append: fragments})
		if err != nil {
			t.Fatal(err)
		}
		got, err := decodeTransaction("key", data, version)
		if err != nil {
			t.Fatal(err)
		}
		if got.UUID != p.UUID || got.Operation != p.Operation || got.ReadVersion != version-1 || got.Properties["p"] != p.Properties["p"] {
			t.Errorf("%s: got %+v", p.Operation, got)
		}
	}
	if _, err := encodeTransaction(&Proposal{Operation: OpClone}, 1, nil); err == nil {
		t.Error("a clone was encoded")
	}
}

// A version's transaction is found inside its manifest, in its file, or not at all.
func TestWhereTransactionsAreFound(t *testing.T) {
	store := memstore.New()
	log := New(store, Options{})
	restore, err := proto.Marshal(&lancepb.Transaction{Uuid: "r", Operation: &lancepb.Transaction_Restore{Restore: &lancepb.Restore{Version: 3}}})
	if err != nil {
		t.Fatal(err)
	}
	put := func(key string, data []byte) {
		t.Helper()
		if err := store.PutIfAbsent(t.Context(), key, data, nil); err != nil {
			t.Fatal(err)
		}
	}
	m, data, err := manifest.Next(nil, manifest.Change{Schema: oneColumn(0, "c", "int64"), FileVersion: "2.1", TransactionFile: "0-r.txn"})
	if err != nil {
		t.Fatal(err)
	}
	put(m.Entry().Key, data)
	if _, err := log.Transaction(t.Context(), 1); !errors.Is(err, ErrNoTransaction) {
		t.Errorf("its file is missing: %v", err)
	}
	put("_transactions/0-r.txn", restore)
	got, err := log.Transaction(t.Context(), 1)
	if err != nil || got.UUID != "r" || got.Operation != OpRestore || got.RestoredTo != 3 {
		t.Errorf("from its file: %+v, %v", got, err)
	}
	if m, data, err = manifest.Next(m, manifest.Change{Transaction: restore}); err != nil {
		t.Fatal(err)
	}
	put(m.Entry().Key, data)
	if got, err := log.Transaction(t.Context(), 2); err != nil || got.RestoredTo != 3 {
		t.Errorf("from inside: %+v, %v", got, err)
	}
	if m, data, err = manifest.Next(m, manifest.Change{}); err != nil {
		t.Fatal(err)
	}
	put(m.Entry().Key, data)
	if _, err := log.Transaction(t.Context(), 3); !errors.Is(err, ErrNoTransaction) {
		t.Errorf("nowhere: %v", err)
	}
	if _, err := log.Transaction(t.Context(), 4); !errors.Is(err, ErrNoVersion) {
		t.Errorf("no such version: %v", err)
	}
}

func TestUUID(t *testing.T) {
	form := regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	a, b := newUUID(), newUUID()
	if !form.MatchString(a) || a == b {
		t.Errorf("%s, then %s", a, b)
	}
}

func TestOperationNames(t *testing.T) {
	seen := map[string]bool{}
	for o := OpUnknown; o <= OpComposite; o++ {
		if seen[o.String()] {
			t.Errorf("operation %d has the name %s, which is taken", o, o)
		}
		seen[o.String()] = true
	}
}

func FuzzDecodeTransaction(f *testing.F) {
	paths, err := filepath.Glob(filepath.Join("..", "manifest", "testdata", "*", "*.manifest"))
	if err != nil || len(paths) == 0 {
		f.Fatalf("no fixtures: %v", err)
	}
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var got *Transaction
		var err error
		alloccap.Check(t, func() { got, err = decodeTransaction("key", data, 2) })
		var damage *corrupt.Error
		if err != nil && !errors.As(err, &damage) {
			t.Errorf("got %v, want a corrupt.Error", err)
		}
		if err == nil {
			_ = got.Operation.String()
		}
	})
}
