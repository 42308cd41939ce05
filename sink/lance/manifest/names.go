package manifest

import (
	"context"
	"fmt"
	"iter"
	"math"
	"strconv"
	"strings"

	"github.com/pst-bridge/pst-bridge/sink/lance/corrupt"
	"github.com/pst-bridge/pst-bridge/sink/lance/objstore"
)

// Dir holds the versions of a table.
const Dir = "_versions"

const (
	suffix   = ".manifest"
	v2Digits = 20 // all V2 names have this many, and no V1 name of a real version does
)

// Scheme is how a table names its versions. One table uses one scheme.
type Scheme uint8

// The naming schemes.
const (
	V2 Scheme = iota // newest first in key order; what new tables get
	V1               // plain numbers
)

// String names the scheme.
func (s Scheme) String() string {
	if s == V1 {
		return "V1"
	}
	return "V2"
}

// Key returns the key of a version.
func (s Scheme) Key(version uint64) string {
	if s == V1 {
		return Dir + "/" + strconv.FormatUint(version, 10) + suffix
	}
	return fmt.Sprintf("%s/%0*d%s", Dir, v2Digits, math.MaxUint64-version, suffix)
}

// Entry is a version as the store lists it. Two equal entries are the same object:
// a version is never rewritten, and a table made anew has other times.
type Entry struct {
	objstore.Info
	Version uint64
	Scheme  Scheme
}

// Same reports whether two entries are one stored object.
func (e Entry) Same(o Entry) bool {
	return e.Key == o.Key && e.Size == o.Size && e.ModTime.Equal(o.ModTime)
}

// parseKey tells which version a key is; ok is false for a key that is none.
func parseKey(key string) (version uint64, scheme Scheme, ok bool) {
	name, found := strings.CutPrefix(key, Dir+"/")
	if !found {
		return 0, 0, false
	}
	digits, found := strings.CutSuffix(name, suffix)
	if !found || digits == "" || strings.Trim(digits, "0123456789") != "" {
		return 0, 0, false
	}
	n, err := strconv.ParseUint(digits, 10, 64)
	if err != nil {
		return 0, 0, false
	}
	if len(digits) == v2Digits {
		n = math.MaxUint64 - n
		return n, V2, n > 0
	}
	return n, V1, n > 0
}

// Versions yields the versions of a table in key order: under V2 names that is
// newest first. It yields whatever schemes it meets.
func Versions(ctx context.Context, store objstore.Store) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		for info, err := range store.List(ctx, Dir+"/") {
			if err != nil {
				yield(Entry{}, fmt.Errorf("list versions: %w", err))
				return
			}
			version, scheme, ok := parseKey(info.Key)
			if ok && !yield(Entry{Info: info, Version: version, Scheme: scheme}, nil) {
				return
			}
		}
	}
}

// Newest returns the newest version; found is false where there is none. Both
// naming schemes beside each other are an error: readers disagree on what is the
// newest of them.
func Newest(ctx context.Context, store objstore.Store) (newest Entry, found bool, err error) {
	for e, err := range Versions(ctx, store) {
		switch {
		case err != nil:
			return Entry{}, false, err
		case !found:
			newest, found = e, true
		case e.Scheme != newest.Scheme:
			return Entry{}, false, twoWays(e, "versions are named in two ways, %s and %s: remove the wrong ones", newest.Key, e.Key)
		case e.Version > newest.Version:
			newest = e
		}
	}
	return newest, found, nil
}

// NewestV2 is Newest for a table known to use V2 names. It looks no further than
// the first name, and so meets a stray V1 name only by chance.
func NewestV2(ctx context.Context, store objstore.Store) (newest Entry, found bool, err error) {
	for e, err := range Versions(ctx, store) {
		if err == nil && e.Scheme != V2 {
			err = twoWays(e, "version %s is named as V1 in a table with V2 names: remove the wrong ones", e.Key)
		}
		return e, err == nil, err
	}
	return Entry{}, false, nil
}

// twoWays is what is wrong with a table whose versions have names of both schemes. It
// does not pass by itself.
func twoWays(e Entry, format string, args ...any) error {
	return corrupt.Errorf(e.Key, "name", -1, format, args...)
}
