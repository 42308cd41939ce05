package manifest_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/pst-bridge/pst-bridge/sink/lance/corrupt"
	"github.com/pst-bridge/pst-bridge/sink/lance/fields"
	"github.com/pst-bridge/pst-bridge/sink/lance/internal/lancepb"
	"github.com/pst-bridge/pst-bridge/sink/lance/manifest"
	"github.com/pst-bridge/pst-bridge/testenv/alloccap"
)

func TestFeatureFlags(t *testing.T) {
	for _, flag := range []uint64{64, 1 << 40} {
		data := object(t, &lancepb.Manifest{Version: 1, ReaderFeatureFlags: flag})
		if _, err := manifest.Decode(entry(1), data); !errors.Is(err, fields.ErrUnsupported) || !strings.Contains(err.Error(), fmt.Sprint(flag)) {
			t.Errorf("reader flag %d: %v", flag, err)
		}
		m := decode(t, 1, object(t, &lancepb.Manifest{Version: 1, WriterFeatureFlags: flag | 8}))
		if err := m.Writable(); !errors.Is(err, fields.ErrUnsupported) || !strings.Contains(err.Error(), fmt.Sprint(flag)) {
			t.Errorf("writer flag %d: %v", flag, err)
		}
	}
	for _, name := range []string{appended, everything, stable, v1} {
		if err := fixture(t, name).Writable(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if m := decode(t, 1, object(t, &lancepb.Manifest{Version: 1, WriterFeatureFlags: 32})); m.TransactionFiles() || m.Writable() != nil {
		t.Error("flag 32 does not switch transaction files off")
	}
}

func TestDecodeRefusesDamage(t *testing.T) {
	good, err := os.ReadFile(filepath.Join("testdata", "pylance-14.0.2", everything))
	if err != nil {
		t.Fatal(err)
	}
	e := entryOf(everything, good)
	for size := range good {
		if _, err := manifest.Decode(e, good[:size]); err == nil || !strings.Contains(err.Error(), e.Key) {
			t.Fatalf("%d of %d bytes: %v", size, len(good), err)
		}
	}
	fragment := func(f *lancepb.DataFragment) *lancepb.Manifest {
		data, err := proto.Marshal(f)
		if err != nil {
			t.Fatal(err)
		}
		return &lancepb.Manifest{Version: 1, Fragments: [][]byte{data}}
	}
	far := uint64(1 << 60)
	for name, m := range map[string]*lancepb.Manifest{
		"another version":      {Version: 2},
		"index section":        {Version: 1, IndexSection: &far},
		"transaction section":  {Version: 1, TransactionSection: &far},
		"not a fragment":       {Version: 1, Fragments: [][]byte{{0xff}}},
		"more deleted than is": fragment(&lancepb.DataFragment{PhysicalRows: 1, DeletionFile: &lancepb.DeletionFile{NumDeletedRows: 2}}),
		"fragment id":          fragment(&lancepb.DataFragment{Id: 1 << 32}),
		"file without a path":  fragment(&lancepb.DataFragment{Files: []*lancepb.DataFile{{}}}),
		"fields and columns":   fragment(&lancepb.DataFragment{Files: []*lancepb.DataFile{{Path: "x", Fields: []int32{1}, ColumnIndices: []int32{1, 2}}}}),
		"field tree":           {Version: 1, Fields: []*lancepb.Field{{Name: "x", ParentId: 7}}},
	} {
		var damage *corrupt.Error
		if _, err := manifest.Decode(entry(1), object(t, m)); !errors.As(err, &damage) || !strings.Contains(err.Error(), entry(1).Key) {
			t.Errorf("%s: got %v, want a corrupt.Error that names the key", name, err)
		}
	}
}

// addCuts seeds with a manifest, cut and flipped at the bounds of its sections.
func addCuts(f *testing.F, e manifest.Entry, data []byte) {
	f.Helper()
	f.Add(data)
	f.Add(data[:len(data)/2])
	l, err := manifest.DecodeLayout(e, data)
	if err != nil {
		f.Fatal(err)
	}
	for _, s := range l.Sections {
		f.Add(data[s.Offset:])
		for _, at := range []uint64{s.Offset, s.Offset + 4, s.Offset + s.Length - 1} {
			if at < uint64(len(data)) {
				flipped := append([]byte{}, data...)
				flipped[at] ^= 0x81
				f.Add(flipped)
			}
		}
	}
}

func FuzzDecode(f *testing.F) {
	for _, name := range []string{appended, everything, v1, stable} {
		data, err := os.ReadFile(filepath.Join("testdata", "pylance-14.0.2", name))
		if err != nil {
			f.Fatal(err)
		}
		addCuts(f, entryOf(name, data), data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, version := range []uint64{1, 2, 6} {
			alloccap.Check(t, func() { _, _ = manifest.DecodeLayout(entry(version), data) })
			var m *manifest.Manifest
			var err error
			alloccap.Check(t, func() { m, err = manifest.Decode(entry(version), data) })
			if err != nil {
				var damage *corrupt.Error
				if !errors.As(err, &damage) && !errors.Is(err, fields.ErrUnsupported) {
					t.Errorf("neither damage nor unsupported: %v", err)
				}
				continue
			}
			for i := range m.Fragments() {
				if _, err := m.Fragment(i); err != nil {
					t.Errorf("fragment %d was accepted, and then: %v", i, err)
				}
			}
			if _, err := m.Schema().Arrow(); err == nil && m.Writable() == nil {
				next, out, err := manifest.Next(m, manifest.Change{Append: []manifest.Fragment{newFragment(1)}, Time: at(1), Transaction: []byte{1}})
				if err != nil {
					continue // ids or numbers are used up
				}
				if _, err := manifest.Decode(next.Entry(), out); err != nil {
					t.Errorf("what was built upon it cannot be read: %v", err)
				}
			}
		}
	})
}
