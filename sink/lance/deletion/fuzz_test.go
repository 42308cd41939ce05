package deletion_test

import (
	"runtime/debug"
	"testing"

	"github.com/pst-bridge/pst-bridge/sink/lance/deletion"
	"github.com/pst-bridge/pst-bridge/sink/lance/manifest"
	"github.com/pst-bridge/pst-bridge/sink/lance/objstore/memstore"
	"github.com/pst-bridge/pst-bridge/testenv/alloccap"
)

// FuzzDecode feeds damaged deletion files to both readers: no panic, and never
// more rows than the manifest allows.
func FuzzDecode(f *testing.F) {
	debug.SetMemoryLimit(256 << 20)
	for _, n := range []int{3, 400, deletion.BitmapFrom, 80_000} {
		rows := make([]uint32, n)
		for i := range rows {
			rows[i] = uint32(3 * i)
		}
		store := memstore.New()
		file, err := deletion.Write(f.Context(), store, 0, 1, rows)
		if err != nil {
			f.Fatal(err)
		}
		data, _, err := manifest.ReadBytes(f.Context(), store, file.Key(0))
		if err != nil {
			f.Fatal(err)
		}
		for _, cut := range []int{0, 1, 8, len(data) / 2} {
			f.Add(data[:len(data)-cut], int32(file.Kind), uint32(n))
		}
		for at := 0; at < len(data); at += max(len(data)/40, 1) {
			flipped := append([]byte(nil), data...)
			flipped[at] ^= 0x81
			f.Add(flipped, int32(file.Kind), uint32(n))
		}
	}
	f.Add([]byte{0x3B, 0x30, 1, 0, 1, 0, 0, 2, 0, 1, 0, 1, 0, 1, 0, 3, 0, 2, 0, 0, 0, 1, 0}, int32(deletion.Bitmap), uint32(5))
	f.Fuzz(func(t *testing.T, data []byte, kind int32, want uint32) {
		var rows []uint32
		var err error
		alloccap.Check(t, func() { rows, err = deletion.Kind(kind).Decode(data, 1<<20, uint64(want%(1<<20))) })
		if err == nil && uint32(len(rows)) != want%(1<<20) {
			t.Errorf("%d rows instead of %d", len(rows), want%(1<<20))
		}
	})
}
