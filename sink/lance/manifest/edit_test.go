package manifest

import (
	"bytes"
	"maps"
	"slices"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/pst-bridge/pst-bridge/sink/lance/deletion"
	"github.com/pst-bridge/pst-bridge/sink/lance/fields"
	"github.com/pst-bridge/pst-bridge/sink/lance/internal/lancepb"
)

func TestMapEdit(t *testing.T) {
	was := map[string]string{"a": "1", "b": "2"}
	for _, c := range []struct {
		edit MapEdit
		want map[string]string
	}{
		{MapEdit{}, was},
		{MapEdit{Set: map[string]string{"b": "3", "c": ""}, Delete: []string{"a", "none"}}, map[string]string{"b": "3", "c": ""}},
		{MapEdit{Set: map[string]string{"a": "9"}, Delete: []string{"a"}}, map[string]string{"a": "9", "b": "2"}},
		{MapEdit{Set: map[string]string{"z": "0"}, Replace: true}, map[string]string{"z": "0"}},
		{MapEdit{Replace: true}, nil},
	} {
		got := c.edit.Apply(was)
		if !maps.Equal(got, c.want) || len(was) != 2 {
			t.Errorf("%+v gives %v, want %v", c.edit, got, c.want)
		}
	}
}

// fragmentOf is a stored fragment with two files and a field of a later format.
func fragmentOf(t *testing.T, id uint64) []byte {
	t.Helper()
	f := Fragment{ID: id, PhysicalRows: 10, Files: []DataFile{
		{Path: "a", Fields: []int32{0, 1}, Columns: []int32{0, 1}, Major: 2, Minor: 1},
		{Path: "b", Fields: []int32{2}, Columns: []int32{0}, Major: 2, Minor: 1},
	}}
	data, err := f.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	return protowire.AppendString(protowire.AppendTag(data, 77, protowire.BytesType), "later")
}

func columns(ids ...int32) *fields.Schema {
	s := &fields.Schema{}
	for _, id := range ids {
		s.Fields = append(s.Fields, &fields.Field{ID: id, ParentID: fields.NoParent, Name: string('a' + id), LogicalType: "int64", Nullable: true})
	}
	return s
}

func TestEdit(t *testing.T) {
	m := &Manifest{head: &lancepb.Manifest{Version: 4}, stats: newStats()}
	for id := range uint64(3) {
		m.fragments = append(m.fragments, fragmentOf(t, id))
	}
	out, err := m.Edit(map[uint64]FragmentEdit{
		0: {Drop: true},
		2: {Deletion: &deletion.File{Kind: deletion.Bitmap, ReadVersion: 3, ID: 9, Rows: 4}, AddFile: &DataFile{Path: "c", Fields: []int32{3}, Columns: []int32{0}}, Tombstone: []int32{0}},
	}, columns(1, 3))
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(out.Dropped, []uint64{0}) || len(out.Fragments) != 2 || len(out.Changed) != 1 || !bytes.Equal(out.Changed[0], out.Fragments[1]) {
		t.Fatalf("dropped %v, %d left, %d changed", out.Dropped, len(out.Fragments), len(out.Changed))
	}
	var kept, changed lancepb.DataFragment
	for into, data := range map[*lancepb.DataFragment][]byte{&kept: out.Fragments[0], &changed: out.Fragments[1]} {
		if err := proto.Unmarshal(data, into); err != nil {
			t.Fatal(err)
		}
		if !bytes.Contains(into.ProtoReflect().GetUnknown(), []byte("later")) {
			t.Error("a field of a later format is lost")
		}
	}
	if len(kept.Files) != 1 || kept.Files[0].Path != "a" {
		t.Errorf("a file without a live column stays: %v", kept.Files)
	}
	if d := changed.DeletionFile; d.GetFileType() != 1 || d.GetReadVersion() != 3 || d.GetId() != 9 || d.GetNumDeletedRows() != 4 {
		t.Errorf("deletion file %v", d)
	}
	if len(changed.Files) != 2 || !slices.Equal(changed.Files[0].Fields, []int32{Tombstone, 1}) || changed.Files[1].Path != "c" {
		t.Errorf("files %v", changed.Files)
	}
	if out, err = m.Edit(nil, columns(5)); err != nil || len(out.Fragments) != 3 {
		t.Fatalf("%v", err)
	}
	if err := proto.Unmarshal(out.Fragments[0], &kept); err != nil || len(kept.Files) != 1 {
		t.Errorf("a fragment without a live column keeps %v, %v", kept.Files, err)
	}
	if _, err := m.Edit(map[uint64]FragmentEdit{7: {Drop: true}}, nil); err == nil {
		t.Error("a fragment that is not there was edited")
	}
}

func TestPruneIndexes(t *testing.T) {
	entry := func(name string, ids ...int32) []byte {
		var b, packed []byte
		for _, id := range ids {
			packed = protowire.AppendVarint(packed, uint64(id))
		}
		b = protowire.AppendBytes(protowire.AppendTag(b, 2, protowire.BytesType), packed)
		return protowire.AppendString(protowire.AppendTag(b, 3, protowire.BytesType), name)
	}
	var section []byte
	for _, b := range [][]byte{entry("zero", 0), entry("both", 0, 1), entry("system"), entry("one", 1)} {
		section = protowire.AppendBytes(protowire.AppendTag(section, 1, protowire.BytesType), b)
	}
	m := &Manifest{head: &lancepb.Manifest{}, indexes: section, schema: columns(0, 1)}
	if err := m.pruneIndexes(); err != nil || !bytes.Equal(m.indexes, section) {
		t.Errorf("indexes changed: %v", err)
	}
	m.schema = columns(1)
	if err := m.pruneIndexes(); err != nil {
		t.Fatal(err)
	}
	list, err := m.Indexes()
	if err != nil || len(list) != 2 || list[0].Name != "system" || list[1].Name != "one" {
		t.Errorf("left: %+v, %v", list, err)
	}
	for cut := range section {
		m.indexes = section[:cut]
		if err := m.pruneIndexes(); err == nil && cut > 0 {
			if _, err := m.Indexes(); err != nil {
				t.Errorf("cut at %d: pruned to what cannot be read: %v", cut, err)
			}
		}
	}
}
