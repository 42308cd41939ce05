package commit_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"google.golang.org/protobuf/proto"

	"github.com/pst-bridge/pst-bridge/sink/lance/commit"
	"github.com/pst-bridge/pst-bridge/sink/lance/fields"
	"github.com/pst-bridge/pst-bridge/sink/lance/internal/lancepb"
	"github.com/pst-bridge/pst-bridge/sink/lance/manifest"
	"github.com/pst-bridge/pst-bridge/sink/lance/objstore"
	"github.com/pst-bridge/pst-bridge/sink/lance/objstore/memstore"
)

// world is a table whose rows are numbers, and what its files hold. Its data files
// are empty objects but for their names: the loop never looks inside.
type world struct {
	t     *testing.T
	store *memstore.Store

	mu    sync.Mutex
	files map[string][]int // rows by path
}

func newWorld(t *testing.T) *world {
	return &world{t: t, store: memstore.New(), files: map[string][]int{}}
}

func tableSchema() *fields.Schema {
	s, err := fields.FromArrow(arrow.NewSchema([]arrow.Field{{Name: "n", Type: arrow.PrimitiveTypes.Int64, Nullable: true}}, nil))
	if err != nil {
		panic(err)
	}
	return s
}

// file stages a data file with the given rows.
func (w *world) file(rows []int) *commit.DataFile {
	w.t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	path := fmt.Sprintf("f%d.lance", len(w.files))
	w.files[path] = slices.Clone(rows)
	content := []byte(path)
	if err := w.store.PutIfAbsent(context.Background(), "data/"+path, content, nil); err != nil {
		w.t.Error(err)
	}
	return &commit.DataFile{
		Path: path, Rows: uint64(len(rows)), Size: uint64(len(content)), Schema: tableSchema(),
		Fields: []int32{0}, Columns: []int32{0}, Major: 2, Minor: 1,
	}
}

// rowsOf returns the rows of a version, sorted.
func (w *world) rowsOf(m *manifest.Manifest) []int {
	w.t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	var rows []int
	for i := range m.Fragments() {
		f, err := m.Fragment(i)
		if err != nil {
			w.t.Fatal(err)
		}
		for _, file := range f.Files {
			rows = append(rows, w.files[file.Path]...)
		}
	}
	slices.Sort(rows)
	return rows
}

// wantHead checks that the head holds exactly these rows.
func (w *world) wantHead(want ...int) *manifest.Manifest {
	w.t.Helper()
	head, err := commit.New(w.store, commit.Options{}).Head(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	if got := w.rowsOf(head); !slices.Equal(got, want) {
		w.t.Errorf("version %d holds %v, want %v", head.Version(), got, want)
	}
	return head
}

func (w *world) remove(keys ...string) {
	w.t.Helper()
	for _, key := range keys {
		if err := w.store.Remove(context.Background(), key); err != nil {
			w.t.Error(err)
		}
	}
}

func (w *world) keys(prefix string) []string {
	var keys []string
	for info, err := range w.store.List(context.Background(), prefix) {
		if err != nil {
			w.t.Error(err)
		}
		keys = append(keys, info.Key)
	}
	return keys
}

// add commits rows from another process, without faults.
func (w *world) add(rows ...int) *manifest.Manifest {
	w.t.Helper()
	head, err := commit.New(w.store, commit.Options{}).Commit(context.Background(), &batch{w: w, rows: rows})
	if err != nil {
		w.t.Error(err)
	}
	return head
}

// ledgerKey is the config key under which the rows of the table are listed.
const ledgerKey = "test.ledger"

func ledgerOf(m *manifest.Manifest) map[int]bool {
	held := map[int]bool{}
	if m == nil {
		return held
	}
	for _, word := range strings.Fields(m.Config()[ledgerKey]) {
		n, err := strconv.Atoi(word)
		if err != nil {
			panic(err)
		}
		held[n] = true
	}
	return held
}

func ledgerText(held map[int]bool) string {
	words := make([]string, 0, len(held))
	for _, n := range slices.Sorted(maps.Keys(held)) {
		words = append(words, strconv.Itoa(n))
	}
	return strings.Join(words, " ")
}

// batch is a planner that adds rows the table lacks, as a bridge does.
type batch struct {
	w       *world
	rows    []int
	planned func(base *manifest.Manifest) // called at the end of Plan; may be nil

	staged *commit.DataFile
	fresh  []int // what staged holds
	plans  int
}

var _ commit.Planner = (*batch)(nil)

func (b *batch) Plan(_ context.Context, base *manifest.Manifest) (*commit.Proposal, error) {
	b.plans++
	held := ledgerOf(base)
	var fresh []int
	for _, n := range b.rows {
		if !held[n] {
			fresh = append(fresh, n)
		}
	}
	if b.planned != nil {
		defer b.planned(base)
	}
	if len(fresh) == 0 {
		return nil, nil
	}
	if !slices.Equal(fresh, b.fresh) {
		b.staged, b.fresh = b.w.file(fresh), fresh
	}
	for _, n := range fresh {
		held[n] = true
	}
	p := &commit.Proposal{
		Operation: commit.OpAppend, Files: []*commit.DataFile{b.staged},
		SetConfig: map[string]string{ledgerKey: ledgerText(held)}, Properties: map[string]string{"who": "test"},
	}
	if base == nil {
		p.Operation, p.Schema = commit.OpCreate, tableSchema()
	}
	return p, nil
}

func (b *batch) Landed(_ context.Context, head *manifest.Manifest) (commit.Landing, error) {
	held, n := ledgerOf(head), 0
	for _, row := range b.rows {
		if held[row] {
			n++
		}
	}
	switch n {
	case 0:
		return commit.LandedNone, nil
	case len(b.rows):
		return commit.LandedWhole, nil
	}
	return commit.LandedPart, nil
}

// goBack publishes, as another writer, a version that restores an older one.
func (w *world) goBack(to uint64) {
	w.t.Helper()
	log := commit.New(w.store, commit.Options{})
	head, err := log.Head(context.Background())
	if err != nil {
		w.t.Error(err)
		return
	}
	old, err := log.Version(context.Background(), to)
	if err != nil {
		w.t.Error(err)
		return
	}
	tx, err := proto.Marshal(&lancepb.Transaction{ReadVersion: head.Version(), Uuid: "restore", Operation: &lancepb.Transaction_Restore{Restore: &lancepb.Restore{Version: to}}})
	if err != nil {
		w.t.Error(err)
		return
	}
	m := &lancepb.Manifest{Version: head.Version() + 1, Config: old.Config(), Fields: old.Schema().Proto(), TransactionSection: new(uint64)}
	for i := range old.Fragments() {
		f, err := old.Fragment(i)
		if err != nil {
			w.t.Error(err)
			return
		}
		data, err := f.Marshal()
		if err != nil {
			w.t.Error(err)
			return
		}
		m.Fragments = append(m.Fragments, data)
	}
	w.putRaw(m, tx)
}

// putRaw publishes a manifest message with its inline transaction.
func (w *world) putRaw(m *lancepb.Manifest, tx []byte) {
	w.t.Helper()
	message, err := proto.Marshal(m)
	if err != nil {
		w.t.Error(err)
		return
	}
	data := binary.LittleEndian.AppendUint32(nil, uint32(len(tx)))
	data = append(data, tx...)
	at := len(data)
	data = binary.LittleEndian.AppendUint32(data, uint32(len(message)))
	data = append(data, message...)
	data = binary.LittleEndian.AppendUint64(data, uint64(at))
	data = append(data, 0, 0, 2, 0)
	data = append(data, "LANC"...)
	if err := w.store.PutIfAbsent(context.Background(), manifest.V2.Key(m.Version), data, nil); err != nil {
		w.t.Error(err)
	}
}

// mustCommit commits until there is a result that is not unknown or refused.
func mustCommit(t *testing.T, log *commit.Log, p commit.Planner) *manifest.Manifest {
	t.Helper()
	for range 20 {
		head, err := log.Commit(t.Context(), p)
		if err == nil {
			return head
		}
		if !errors.Is(err, commit.ErrUnknownOutcome) && !errors.Is(err, objstore.ErrNotApplied) {
			t.Fatal(err)
		}
	}
	t.Fatal("no result after 20 commits")
	return nil
}

// clock is a time that moves when told.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// otherTable is a version of a table that has nothing to do with ours.
func otherTable(version uint64) *lancepb.Manifest {
	return &lancepb.Manifest{Version: version, Fields: tableSchema().Proto(), TransactionFile: "other.txn"}
}
