package manifest_test

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/pst-bridge/pst-bridge/sink/lance/fields"
	"github.com/pst-bridge/pst-bridge/sink/lance/internal/lancepb"
	"github.com/pst-bridge/pst-bridge/sink/lance/manifest"
)

var update = flag.Bool("update", false, "rewrite golden files")

// fixture reads a manifest that the reference wrote.
func fixture(t testing.TB, name string) *manifest.Manifest {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", "pylance-14.0.2", name))
	if err != nil {
		t.Fatal(err)
	}
	m, err := manifest.Decode(entryOf(name, data), data)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// entryOf finds the version in the fixture's name.
func entryOf(name string, data []byte) manifest.Entry {
	_, number, _ := strings.Cut(name, ".")
	for v := uint64(1); v < 100; v++ {
		for _, scheme := range []manifest.Scheme{manifest.V1, manifest.V2} {
			if scheme.Key(v) == manifest.Dir+"/"+number {
				e := manifest.Entry{Version: v, Scheme: scheme}
				e.Key, e.Size = scheme.Key(v), int64(len(data))
				return e
			}
		}
	}
	panic("no version in " + name)
}

const (
	appended   = "appended.18446744073709551613.manifest"
	everything = "everything.18446744073709551609.manifest"
	v1         = "v1.1.manifest"
	stable     = "stable-row-ids.18446744073709551614.manifest"
)

func TestReadsTheReference(t *testing.T) {
	m := fixture(t, everything)
	want := map[string]string{"a.key": "value"}
	if m.Version() != 6 || m.Fragments() != 2 || m.LiveRows() != 4 || m.MaxFieldID() != 3 || m.FileVersion() != "2.1" || !maps.Equal(m.Config(), want) {
		t.Errorf("version %d, %d fragments, %d rows, field ids to %d, files %s, config %v",
			m.Version(), m.Fragments(), m.LiveRows(), m.MaxFieldID(), m.FileVersion(), m.Config())
	}
	if got := m.Schema().Metadata["owner"]; got != "tests" {
		t.Errorf("schema metadata has owner %q", got)
	}
	if library, version := m.Writer(); library != "lance" || version != "14.0.2" {
		t.Errorf("written by %s %s", library, version)
	}
	if m.InlineTransaction() == nil || !strings.HasSuffix(m.TransactionFile(), ".txn") {
		t.Error("no transaction")
	}
	if m.Time().Year() != 2026 {
		t.Errorf("written in %v", m.Time())
	}
	f, err := m.Fragment(1)
	if err != nil {
		t.Fatal(err)
	}
	if f.ID != 1 || !f.Deletions || f.DeletedRows != 1 || f.PhysicalRows != 3 || len(f.Files) != 1 {
		t.Errorf("fragment 1 is %+v", f)
	}
	file := f.Files[0]
	if fmt.Sprint(file.Fields, file.Columns, file.Major, file.Minor, file.Size) != "[0 1 3] [0 1 2] 2 1 1040" || file.Path == "" {
		t.Errorf("its file is %+v", file)
	}
}

// newFragment is a fragment of one file, as a commit adds it.
func newFragment(rows uint64) manifest.Fragment {
	return manifest.Fragment{PhysicalRows: rows, Files: []manifest.DataFile{{
		Path: "0123456789abcdef.lance", Fields: []int32{0, 1, 3}, Columns: []int32{0, 1, 2}, Major: 2, Minor: 1, Size: 777,
	}}}
}

func at(sec int64) time.Time { return time.Unix(sec, 5).UTC() }

func mustNext(t testing.TB, base *manifest.Manifest, c manifest.Change) (*manifest.Manifest, []byte) {
	t.Helper()
	c.Library, c.LibraryVersion = "pst-bridge", "1.2.3"
	m, data, err := manifest.Next(base, c)
	if err != nil {
		t.Fatal(err)
	}
	return m, data
}

// raw splits an object into its message and the rest, without this package.
func raw(t *testing.T, data []byte) *lancepb.Manifest {
	t.Helper()
	begin := binary.LittleEndian.Uint64(data[len(data)-16:])
	var m lancepb.Manifest
	if err := proto.Unmarshal(data[begin+4:len(data)-16], &m); err != nil {
		t.Fatal(err)
	}
	return &m
}

func section(data []byte, at uint64) []byte {
	return data[at+4 : at+4+uint64(binary.LittleEndian.Uint32(data[at:]))]
}

// What a commit does not change it carries over, compared on the bytes of the
// reference.
func TestNextCarriesOver(t *testing.T) {
	for _, name := range []string{appended, everything, v1} {
		t.Run(name, func(t *testing.T) {
			oldData, err := os.ReadFile(filepath.Join("testdata", "pylance-14.0.2", name))
			if err != nil {
				t.Fatal(err)
			}
			old := raw(t, oldData)
			base := fixture(t, name)
			next, data := mustNext(t, base, manifest.Change{
				Append: []manifest.Fragment{newFragment(9)}, SetConfig: map[string]string{"pst.k": "v"},
				Transaction: []byte("transaction"), TransactionFile: "x.txn", Time: base.Time().Add(time.Hour),
			})
			got := raw(t, data)
			if n := len(old.Fragments); len(got.Fragments) != n+1 || !bytes.Equal(bytes.Join(got.Fragments[:n], nil), bytes.Join(old.Fragments, nil)) {
				t.Error("fragments are not those of the base and one more")
			}
			if (old.IndexSection == nil) != (got.IndexSection == nil) {
				t.Fatal("the index section came or went")
			}
			if old.IndexSection != nil && !bytes.Equal(section(data, *got.IndexSection), section(oldData, *old.IndexSection)) {
				t.Error("the index section differs")
			}
			if got.TransactionSection == nil || string(section(data, *got.TransactionSection)) != "transaction" {
				t.Error("the transaction section is wrong")
			}
			// Put back what a commit may change; all else must be equal.
			if got.Version != old.Version+1 || *got.MaxFragmentId != *old.MaxFragmentId+1 || got.WriterFeatureFlags != old.WriterFeatureFlags|8 || got.Config["pst.k"] != "v" {
				t.Errorf("version %d, fragment ids to %d, flags %d, config %v", got.Version, *got.MaxFragmentId, got.WriterFeatureFlags, got.Config)
			}
			delete(got.Config, "pst.k")
			for _, m := range []*lancepb.Manifest{old, got} {
				m.Version, m.MaxFragmentId, m.WriterFeatureFlags, m.Fragments = 0, nil, 0, nil
				m.Timestamp, m.TransactionFile, m.WriterVersion = nil, "", nil
				m.IndexSection, m.TransactionSection, m.TransactionSection_14 = nil, nil, nil
			}
			if !proto.Equal(got, old) {
				t.Errorf("got  %v\nwant %v", got, old)
			}
			again, err := manifest.Decode(next.Entry(), data)
			if err != nil {
				t.Fatal(err)
			}
			if again.LiveRows() != base.LiveRows()+9 || next.LiveRows() != again.LiveRows() || again.Entry().Scheme != base.Entry().Scheme {
				t.Errorf("%d rows, then %d of %s", next.LiveRows(), again.LiveRows(), again.Entry().Key)
			}
		})
	}
}

func TestNextKeepsUnknownFields(t *testing.T) {
	message := &lancepb.Manifest{Version: 4, TransactionSection_14: new(uint64)}
	unknown := protowire.AppendString(protowire.AppendTag(nil, 99, protowire.BytesType), "from the future")
	message.ProtoReflect().SetUnknown(unknown)
	fragment, err := (&manifest.Fragment{ID: 3, PhysicalRows: 1, Files: newFragment(1).Files}).Marshal()
	if err != nil {
		t.Fatal(err)
	}
	fragment = append(fragment, unknown...)
	message.Fragments = [][]byte{fragment}
	base := decode(t, 4, object(t, message))
	_, data := mustNext(t, base, manifest.Change{Append: []manifest.Fragment{newFragment(2)}, Transaction: []byte{1}, Time: at(1)})
	got := raw(t, data)
	if !bytes.Equal(got.ProtoReflect().GetUnknown(), unknown) || !bytes.Equal(got.Fragments[0], fragment) {
		t.Error("what was not known is gone")
	}
	if got.TransactionSection_14 != nil {
		t.Error("an offset into the base's bytes was carried over")
	}
	// The base does not say which fragment id was the largest: it is that in use.
	if *got.MaxFragmentId != 4 {
		t.Errorf("the new fragment has id %d", *got.MaxFragmentId)
	}
}

// object lays out a manifest whose only section, an empty transaction, is at 0.
func object(t testing.TB, m *lancepb.Manifest) []byte {
	t.Helper()
	message, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	data := binary.LittleEndian.AppendUint32([]byte{0, 0, 0, 0}, uint32(len(message)))
	data = append(data, message...)
	data = binary.LittleEndian.AppendUint64(data, 4)
	return append(append(data, 0, 0, 2, 0), "LANC"...)
}

func entry(version uint64) manifest.Entry {
	e := manifest.Entry{Version: version, Scheme: manifest.V2}
	e.Key = manifest.V2.Key(version)
	return e
}

func decode(t testing.TB, version uint64, data []byte) *manifest.Manifest {
	t.Helper()
	m, err := manifest.Decode(entry(version), data)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// The bytes of a small table, annotated by TestGolden's file only in so far as they
// are hex; a difference there is a change of format.
func TestGolden(t *testing.T) {
	s, err := fields.FromArrow(arrow.NewSchema([]arrow.Field{
		{Name: "id", Type: arrow.PrimitiveTypes.Int64}, {Name: "s", Type: arrow.BinaryTypes.String, Nullable: true},
	}, nil))
	if err != nil {
		t.Fatal(err)
	}
	first, one := mustNext(t, nil, manifest.Change{Schema: s, FileVersion: "2.1", Transaction: []byte("t1"), TransactionFile: "0-a.txn", Time: at(1_700_000_000)})
	second, two := mustNext(t, first, manifest.Change{
		Append:    []manifest.Fragment{{PhysicalRows: 3, Files: []manifest.DataFile{{Path: "x.lance", Fields: []int32{0, 1}, Columns: []int32{0, 1}, Major: 2, Minor: 1, Size: 99}}}},
		SetConfig: map[string]string{"b": "2", "a": "1"}, Transaction: []byte("t2"), TransactionFile: "1-b.txn", Time: at(1_600_000_000),
	})
	if !second.Time().Equal(first.Time().Add(time.Nanosecond)) {
		t.Errorf("a clock set back gives %v after %v", second.Time(), first.Time())
	}
	got := "version 1\n" + hex.Dump(one) + "version 2\n" + hex.Dump(two)
	path := filepath.Join("testdata", "golden.hex")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// many returns a version with n fragments.
func many(tb testing.TB, n int) (*manifest.Manifest, []byte) {
	tb.Helper()
	added := make([]manifest.Fragment, n)
	for i := range added {
		added[i] = newFragment(10_000)
		added[i].Files[0].Path = fmt.Sprintf("%032x.lance", i)
	}
	return mustNext(tb, fixture(tb, appended), manifest.Change{Append: added, Time: at(1), Transaction: []byte{1}})
}

func TestFiftyThousandFragments(t *testing.T) {
	m, data := many(t, 50_000)
	again := decode(t, m.Version(), data)
	if again.Fragments() != 50_002 || again.LiveRows() != 500_000_006 {
		t.Errorf("%d fragments, %d rows", again.Fragments(), again.LiveRows())
	}
	f, err := again.Fragment(50_001)
	if err != nil || f.ID != 50_001 {
		t.Errorf("the last fragment is %+v, %v", f, err)
	}
}

func BenchmarkDecode50kFragments(b *testing.B) {
	m, data := many(b, 50_000)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		decode(b, m.Version(), data)
	}
}

func BenchmarkNext50kFragments(b *testing.B) {
	m, data := many(b, 50_000)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		mustNext(b, m, manifest.Change{Append: []manifest.Fragment{newFragment(1)}, Time: at(1), Transaction: []byte{1}})
	}
}
