package manifest_test

import (
	"strings"
	"testing"

	"github.com/pst-bridge/pst-bridge/sink/lance/manifest"
	"github.com/pst-bridge/pst-bridge/sink/lance/objstore/memstore"
)

func storeOf(t *testing.T, keys ...string) *memstore.Store {
	t.Helper()
	s := memstore.New()
	for _, key := range keys {
		if err := s.PutIfAbsent(t.Context(), key, []byte("x"), nil); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

func TestNewest(t *testing.T) {
	stray := []string{
		"_versions/.tmp_0123", "_versions/.tmp_18446744073709551610.manifest", "_versions/latest_version_hint.json",
		"_versions/d123.manifest", "_versions/18446744073709551600.manifest-5f0c", "_versions/x.manifest", "_versions/.manifest",
		"_versions/99999999999999999999.manifest", "_versions/0.manifest", "_versions/18446744073709551615.manifest", "data/1.manifest",
	}
	for _, c := range []struct {
		name string
		keys []string
		want uint64 // 0: none
		err  string
	}{
		{"nothing", nil, 0, ""},
		{"V2", []string{manifest.V2.Key(1), manifest.V2.Key(12), manifest.V2.Key(9)}, 12, ""},
		{"V1", []string{manifest.V1.Key(1), manifest.V1.Key(12), manifest.V1.Key(9)}, 12, ""},
		{"both", []string{manifest.V1.Key(71), manifest.V2.Key(70)}, 0, "named in two ways"},
	} {
		s := storeOf(t, append(c.keys, stray...)...)
		e, found, err := manifest.Newest(t.Context(), s)
		switch {
		case c.err != "":
			if err == nil || !strings.Contains(err.Error(), c.err) {
				t.Errorf("%s: %v", c.name, err)
			}
		case err != nil || found != (c.want > 0) || e.Version != c.want:
			t.Errorf("%s: version %d, %v, %v", c.name, e.Version, found, err)
		}
	}
	quick, found, err := manifest.NewestV2(t.Context(), storeOf(t, append(stray, manifest.V2.Key(3), manifest.V2.Key(2))...))
	if err != nil || !found || quick.Version != 3 {
		t.Errorf("NewestV2: version %d, %v, %v", quick.Version, found, err)
	}
	if got := manifest.V2.Key(1); got != "_versions/18446744073709551614.manifest" {
		t.Errorf("version 1 is %s", got)
	}
}
