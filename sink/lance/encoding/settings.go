package encoding

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/pst-bridge/pst-bridge/sink/lance/encoding/compress"
)

// The keys of Arrow field metadata that a column's writer obeys, here and in
// the reference. All count on the leaf field but KeyStructural, which counts on
// the top-level field of the column.
const (
	KeyCompression  = "lance-encoding:compression"         // none, zstd, lz4, fsst
	KeyLevel        = "lance-encoding:compression-level"   // of zstd, 1 to 22; 0 means DefaultZstdLevel
	KeyStructural   = "lance-encoding:structural-encoding" // miniblock, fullzip
	KeyRLEThreshold = "lance-encoding:rle-threshold"       // runs per value below which runs are written; 0 never
	KeySplit        = "lance-encoding:bss"                 // byte stream split: off, on, auto
	KeyDictRatio    = "lance-encoding:dict-size-ratio"     // above 0, at most 1: of the plain size, worth a dictionary
	KeyDictDivisor  = "lance-encoding:dict-divisor"        // values per distinct value, at least, for a dictionary
	KeyDictMaxSize  = "lance-encoding:dict-max-size"       // bytes of strings that a dictionary holds, at most
	KeyChunkSize    = "lance-encoding:minichunk-size"      // bytes of a chunk of strings, about, up to what one holds
	// How dictionaries are compressed in files from 2.2 on: lz4, zstd, none; and the level of zstd.
	KeyDictCompression = "lance-encoding:dict-values-compression"
	KeyDictLevel       = "lance-encoding:dict-values-compression-level"
)

const (
	defaultDictRatio   = 0.8
	defaultDictDivisor = 8 // the reference's is 2: more items cost time and save little
	defaultDictMaxSize = 8 << 20
)

// structural is a layout that a field asks for.
type structural uint8

const (
	anyLayout structural = iota
	onlyMiniBlock
	onlyFullZip
)

// split says when floats are byte stream split.
type split uint8

const (
	splitAuto split = iota
	splitOff
	splitOn
)

// Settings are what the metadata of a column's fields ask of its pages. The
// zero value is no wish.
type Settings struct {
	compression  string // as the key has it; empty is the writer's option
	level        int
	structural   structural
	split        split
	rleThreshold *float64
	dictRatio    float64 // 0 is the default
	dictDivisor  int     // 0 is the default
	dictMaxSize  *int
	dictScheme   string // as the key has it
	dictLevel    int
	chunkSize    int // 0 is as large as possible
	indexed      *Indexed
}

// SettingsError says that a field asks for what does not exist.
type SettingsError struct{ Field, Key, Value, Want string }

// Error names field, key and value.
func (e *SettingsError) Error() string {
	return fmt.Sprintf("field %q: metadata %s is %q: want %s", e.Field, e.Key, e.Value, e.Want)
}

// SettingsOf reads the metadata of a leaf field and of the top-level field
// above it, which may be the same. An unknown value of a known key is a
// *SettingsError; other keys are left alone.
func SettingsOf(field string, leaf, top map[string]string) (Settings, error) {
	s := Settings{}
	p := parser{field: field}
	s.compression = p.word(leaf, KeyCompression, "none", "zstd", "lz4", "fsst")
	s.level = int(p.number(leaf, KeyLevel, "a whole number from 0 to 22", 0, 22, true))
	s.structural = structural(p.index(lower(top, KeyStructural), KeyStructural, "miniblock", "fullzip"))
	switch p.word(lower(leaf, KeySplit), KeySplit, "off", "on", "auto") {
	case "off":
		s.split = splitOff
	case "on":
		s.split = splitOn
	}
	if _, ok := leaf[KeyRLEThreshold]; ok {
		threshold := p.number(leaf, KeyRLEThreshold, "a number from 0 to 1", 0, 1, false)
		s.rleThreshold = &threshold
	}
	s.dictRatio = p.number(leaf, KeyDictRatio, "a number above 0, at most 1", math.SmallestNonzeroFloat64, 1, false)
	s.dictDivisor = int(p.number(leaf, KeyDictDivisor, "a whole number of at least 1", 1, math.MaxInt32, true))
	if _, ok := leaf[KeyDictMaxSize]; ok {
		most := int(p.number(leaf, KeyDictMaxSize, "a whole number of bytes", 0, 1<<53, true))
		s.dictMaxSize = &most
	}
	s.dictScheme = p.word(leaf, KeyDictCompression, "lz4", "zstd", "none")
	s.dictLevel = int(p.number(leaf, KeyDictLevel, "a whole number from 0 to 22", 0, 22, true))
	s.chunkSize = int(p.number(leaf, KeyChunkSize, "a whole number of bytes, at least 1", 1, 1<<53, true))
	return s, p.err
}

// lower is the one key of some metadata, its value in small letters: for those
// keys where capitals mean nothing to the reference.
func lower(md map[string]string, key string) map[string]string {
	if value, ok := md[key]; ok {
		return map[string]string{key: strings.ToLower(value)}
	}
	return nil
}

// parser reads metadata and keeps the first error.
type parser struct {
	field string
	err   error
}

func (p *parser) fail(md map[string]string, key, want string) {
	if p.err == nil {
		p.err = &SettingsError{Field: p.field, Key: key, Value: md[key], Want: want}
	}
}

// index is the position, from 1, of a value among those known; 0 without the key.
func (p *parser) index(md map[string]string, key string, known ...string) int {
	value, ok := md[key]
	if !ok {
		return 0
	}
	want := ""
	for i, k := range known {
		if value == k {
			return i + 1
		}
		switch {
		case i == 0:
			want = k
		case i == len(known)-1:
			want += " or " + k
		default:
			want += ", " + k
		}
	}
	p.fail(md, key, want)
	return 0
}

func (p *parser) word(md map[string]string, key string, known ...string) string {
	if i := p.index(md, key, known...); i > 0 {
		return known[i-1]
	}
	return ""
}

// number is a number within bounds; 0 without the key.
func (p *parser) number(md map[string]string, key, want string, low, high float64, whole bool) float64 {
	text, ok := md[key]
	if !ok {
		return 0
	}
	v, err := strconv.ParseFloat(text, 64)
	if err != nil || !(v >= low && v <= high) || whole && v != math.Trunc(v) {
		p.fail(md, key, want)
		return 0
	}
	return v
}

// dictionary is what a dictionary may come to.
func (s Settings) dictionary() compress.Limits {
	l := compress.Limits{Ratio: s.dictRatio, Divisor: s.dictDivisor, Bytes: defaultDictMaxSize}
	if l.Ratio == 0 {
		l.Ratio = defaultDictRatio
	}
	if l.Divisor == 0 {
		l.Divisor = defaultDictDivisor
	}
	if s.dictMaxSize != nil {
		l.Bytes = *s.dictMaxSize
	}
	return l
}

// dictionaryScheme is the compression of dictionaries in a version that has one.
func (s Settings) dictionaryScheme() Compression {
	switch s.dictScheme {
	case "zstd":
		return Zstd
	case "none":
		return None
	}
	return LZ4
}

// scheme is the general compression of a column, given the writer's own.
func (s Settings) scheme(option Compression) Compression {
	switch s.compression {
	case "none", "fsst":
		return None
	case "zstd":
		return Zstd
	case "lz4":
		return LZ4
	}
	return option
}

// codecs makes the compressors of an encoder when they are met.
type codecs map[codecKey]*compress.Codec

type codecKey struct {
	scheme Compression
	level  int
}

// get is the codec of a compression; nil for none.
func (c codecs) get(scheme Compression, level int) (*compress.Codec, error) {
	if level == 0 {
		level = DefaultZstdLevel
	}
	key := codecKey{scheme, level}
	if scheme == LZ4 {
		key.level = 0
	}
	if codec, ok := c[key]; ok {
		return codec, nil
	}
	var codec *compress.Codec
	var err error
	switch scheme {
	case None:
		return nil, nil //nolint:nilnil // no compression is no codec
	case LZ4:
		codec, err = compress.NewCodec(compress.SchemeLZ4, 0)
	case Zstd:
		codec, err = compress.NewCodec(compress.SchemeZstd, level)
	default:
		err = &compress.UnsupportedError{Encoding: scheme.String()}
	}
	if err != nil {
		return nil, err
	}
	c[key] = codec
	return codec, nil
}
