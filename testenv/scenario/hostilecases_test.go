package scenario

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/nats-io/nats.go"
)

// hostileMax is the server's max_payload in TestHostile: the largest that
// nats-server does not warn of.
const hostileMax = 8 << 20

// hostile is one message made to hurt, and what has to become of it: rows, as JSON
// without what is null, or a dead letter.
type hostile struct {
	name    string
	payload string
	header  nats.Header
	rows    []string

	class, reason string // of the dead letter; "" where there are rows
}

// hostileCases are listed in docs/payloads.md, in this order.
func hostileCases(t *testing.T) []hostile {
	all := [][]hostile{malformed(), numbers(), texts(), names(), sizes(), forms(t)}
	var out []hostile
	for _, some := range all {
		out = append(out, some...)
	}
	return out
}

func malformed() []hostile {
	bad := func(name, payload, reason string) hostile {
		return hostile{name: name, payload: payload, class: "parse", reason: reason}
	}
	return []hostile{
		bad("no bytes", "", "the payload is empty"),
		bad("white space only", " \r\n\t ", "the payload is empty"),
		{name: "headers only", header: nats.Header{"X": {"y"}}, class: "parse", reason: "the payload is empty"},
		bad("a byte order mark", "\xef\xbb\xbf{\"a\":1}", "begins with a byte order mark"),
		bad("a number", "1", "not a JSON object at byte 0"),
		bad("null", "null", "not a JSON object at byte 0"),
		bad("a string", `"a"`, "not a JSON object at byte 0"),
		bad("an array of nothing", "[]", "the payload has no rows"),
		bad("an array of numbers", "[1]", "not a JSON object at byte 1"),
		{name: "an array of rows", payload: `[{"listed":1},{"listed":2}]`, rows: []string{`{"listed":1}`, `{"listed":2}`}},
		bad("cut short", `{"a":`, "ends too early, at byte 5"),
		bad("a trailing comma", `{"a":1,}`, "malformed JSON at byte 7"),
		bad("a comment", `{"a":1}//`, "no white space between two rows, at byte 7"),
		bad("the second row is bad", "{\"whole\":1}\n{\"whole\":", "ends too early"),
		bad("a key twice", `{"a":1,"a":2}`, "field a: the key occurs twice"),
		bad("a key twice, once escaped", `{"o":{"dup":1,"\u0064up":2}}`, "field o.dup: the key occurs twice"),
		bad("NaN", `{"a":NaN}`, "malformed JSON at byte 5"),
		bad("Infinity", `{"a":Infinity}`, "malformed JSON at byte 5"),
		bad("-Infinity", `{"a":-Infinity}`, "malformed JSON at byte 6"),
	}
}

func numbers() []hostile {
	return []hostile{
		{name: "the largest int64", payload: `{"max":9223372036854775807,"min":-9223372036854775808}`, rows: []string{`{"max":9223372036854775807,"min":-9223372036854775808}`}},
		{name: "int64 + 1", payload: `{"over":9223372036854775808}`, rows: []string{`{"over":9223372036854775808}`}},
		{name: "int64 + 1 in a column with a negative number", payload: `{"min":9223372036854775808}`, class: "type", reason: "field min: integer out of range does not fit int64"},
		{name: "-int64 - 2", payload: `{"min":-9223372036854775809}`, class: "type", reason: "field min: integer out of range does not fit int64"},
		{name: "uint64 + 1", payload: `{"over":18446744073709551616}`, class: "type", reason: "field over: integer out of range"},
		{name: "1e400", payload: `{"huge":1e400}`, class: "type", reason: "field huge: number out of range does not fit float64"},
		{name: "1e-400", payload: `{"tiny":1e-400}`, rows: []string{`{"tiny":0}`}},
		{name: "-0", payload: `{"zero":-0,"fzero":-0.0}`, rows: []string{`{"zero":0,"fzero":-0}`}},
		{name: "a number of 1 MB", payload: `{"a":` + strings.Repeat("7", 1<<20) + "}", class: "limit", reason: "number of 1048576 bytes at byte 5"},
		{name: "an exponent of 1 MB", payload: `{"a":1e` + strings.Repeat("7", 1<<20) + "}", class: "limit", reason: "number of 1048578 bytes at byte 5"},
		{name: "a vector with an empty place", payload: `{"vector":[1,null,2]}`, class: "type", reason: "field vector: null inside a vector"},
		{name: "a vector of nothing", payload: `{"vector":[]}`, class: "type", reason: "field vector: a vector of no values"},
		{name: "the first vector", payload: `{"vector":[1,2.5,-3]}`, rows: []string{`{"vector":[1,2.5,-3]}`}},
		{name: "a vector of another length", payload: `{"vector":[1,2]}`, class: "type", reason: "field vector: a vector of 2 values does not fit fixed_size_list<"},
	}
}

func texts() []hostile {
	bad := func(name, payload, reason string) hostile {
		return hostile{name: name, payload: payload, class: "parse", reason: reason}
	}
	return []hostile{
		bad("invalid UTF-8", "{\"a\":\"x\xff\"}", "invalid UTF-8 at byte 7"),
		bad("an overlong form", "{\"a\":\"\xc0\xaf\"}", "invalid UTF-8 at byte 6"),
		bad("a surrogate in UTF-8", "{\"a\":\"\xed\xa0\x80\"}", "invalid UTF-8 at byte 6"),
		bad("invalid UTF-8 in a key", "{\"\xff\":1}", "invalid UTF-8 at byte 2"),
		bad("a lone high surrogate", `{"a":"\ud83d"}`, "lone surrogate at byte 6"),
		bad("a lone low surrogate", `{"a":"\ude00\ud83d"}`, "lone surrogate at byte 6"),
		bad("a lone surrogate in a key", `{"\udead":1}`, "lone surrogate at byte 2"),
		bad("a zero byte", "{\"a\":\"x\x00\"}", "control character in a string at byte 7"),
		{name: "both halves", payload: `{"smile":"\ud83d\ude00"}`, rows: []string{`{"smile":"😀"}`}},
		{name: "U+0000", payload: `{"nul":"x\u0000y","k\u0000":1}`, rows: []string{`{"nul":"x\u0000y","k_x00":1}`}},
	}
}

func names() []hostile {
	same := func(name, payload string) hostile {
		return hostile{name: name, payload: payload, rows: []string{payload}}
	}
	long := strings.Repeat("n", 512)
	return []hostile{
		{name: "no characters", payload: `{"":1}`, class: "parse", reason: "field name of no characters before byte 3"},
		{name: "64 KiB", payload: `{"` + strings.Repeat("n", 64<<10) + `":1}`, class: "limit", reason: "field name of 65536 bytes, the limit is 512"},
		{name: "513 bytes", payload: `{"` + long + `n":1}`, class: "limit", reason: "field name of 513 bytes"},
		same("512 bytes", `{"`+long+`":1}`),
		{name: "a path", payload: `{"../x":1,"/etc/passwd":2,"C:\\x":3}`, rows: []string{`{"_x2E_x2E/x":1,"/etc/passwd":2,"C:\\x":3}`}},
		same("a quote, a command, an escape", `{"a\"b":1,"'; DROP TABLE x; --":2,"\u001b[31m":3,"\n":4," ":5}`),
		same("case only", `{"Case":1,"case":2,"CASE":3}`),
		same("NFC and NFD", "{\"caf\u00e9\":1,\"cafe\u0301\":2}"),
		{name: "_nats_seq", payload: `{"_nats_seq":1}`, class: "reserved", reason: "field _nats_seq: names that begin with _nats_ are reserved"},
		{name: "_nats_ and another", payload: `{"_nats_mine":{}}`, class: "reserved", reason: "field _nats_mine"},
		same("_nats_ in other cases and places", `{"_NATS_seq":1,"in":{"_nats_seq":2}}`),
		{name: "10,000 new columns", payload: fields("k", 10_000, "1"), class: "limit", reason: "field k256: more than 256 new columns"},
		{name: "10,000 new columns inside", payload: `{"kk":` + fields("k", 10_000, "1") + "}", class: "limit", reason: "field kk.k255: more than 256 new columns"},
		{name: "10,000 fields of null", payload: fields("k", 10_000, "null"), class: "limit", reason: "more than 1024 fields that are only null"},
	}
}

func sizes() []hostile {
	const million = 1_000_000
	noise := make([]byte, hostileMax)
	rand.NewChaCha8([32]byte{1}).Read(noise) //nolint:errcheck // it always succeeds
	big := `{"big":"` + strings.Repeat("x", hostileMax-len(`{"big":""}`)) + `"}`
	ones := "[" + strings.Repeat("1,", 200_000) + "1]"
	deep := func(levels int) string {
		return `{"deep":` + strings.Repeat("[", levels) + "1" + strings.Repeat("]", levels) + "}"
	}
	manyRows := make([]string, 1000)
	for i := range manyRows {
		manyRows[i] = fmt.Sprintf(`{"lines":%d}`, i)
	}
	return []hostile{
		{name: "a million arrays inside each other", payload: `{"a":` + strings.Repeat("[", million), class: "limit", reason: "more than 60 objects and arrays inside each other, at byte 64"},
		{name: "a million objects inside each other", payload: strings.Repeat(`{"a":`, million), class: "limit", reason: "more than 60 objects and arrays inside each other, at byte 300"},
		{name: "61 levels", payload: deep(60), class: "limit", reason: "more than 60"},
		{name: "60 levels", payload: deep(59), rows: []string{deep(59)}},
		{name: "a list of 200,001", payload: `{"list":` + ones + "}", rows: []string{`{"list":` + ones + "}"}},
		{name: "a list of 100,000 nulls", payload: `{"holes":[` + strings.Repeat("null,", 100_000) + "null]}", rows: []string{"{}"}},
		{name: "a vector of 200,001", payload: `{"wide_vector":` + ones + "}", class: "limit", reason: "field wide_vector: a vector of 200001 values, the limit is 32768"},
		{name: "a million keys of one name", payload: "{" + strings.Repeat(`"a":1,`, million) + `"a":1}`, class: "parse", reason: "field a: the key occurs twice"},
		{name: "1,000 rows", payload: strings.Join(manyRows, "\n"), rows: manyRows},
		{name: "256 columns for 300,000 empty rows", payload: fields("m", 256, "1") + strings.Repeat("\n{}", 300_000), class: "limit", reason: "more than the 67108864 bytes allowed"},
		{name: "max_payload, good", payload: big, rows: []string{big}},
		{name: "max_payload, without an end", payload: big[:hostileMax-2] + "xx", class: "parse", reason: "ends too early, at byte 8388608"},
		{name: "max_payload, noise", payload: string(noise), class: "parse", reason: "not a JSON object at byte 0"},
	}
}

// forms are messages whose headers say what the payload is, and messages of many headers.
func forms(t *testing.T) []hostile {
	typed := func(name, contentType, payload, reason string) hostile {
		return hostile{name: name, payload: payload, header: nats.Header{"Content-Type": {contentType}}, class: "format", reason: reason}
	}
	coded := func(encoding, payload, class, reason string) hostile {
		return hostile{name: "called " + encoding, payload: payload, header: nats.Header{"content-encoding": {encoding}}, class: class, reason: reason}
	}
	packed := func(name, payload, reason, row string) hostile {
		h := hostile{name: name, payload: payload, header: nats.Header{"Content-Type": {"application/x-msgpack"}}}
		if h.reason = reason; reason != "" {
			h.class = "parse"
			return h
		}
		h.rows = []string{row}
		return h
	}
	headers := nats.Header{}
	for i := range 1000 {
		headers.Set(fmt.Sprintf("Nats-Mine-%04d", i), strings.Repeat("v", 46)) // 64 bytes each: all that a stream takes
	}
	return []hostile{
		{name: "gzip", payload: gzipped(t, []byte(`{"zipped":1}`)), header: nats.Header{"Content-Encoding": {"gzip"}}, rows: []string{`{"zipped":1}`}},
		coded("gzip", gzipped(t, make([]byte, 100<<20)), "limit", "the payload in gzip is too large: more than the "),
		coded("zstd", zstandard(t, make([]byte, 100<<20)), "limit", "the payload in zstd is too large: more than the "),
		coded("zstd", `{"a":1}`, "parse", "the payload in zstd is damaged"),
		coded("gzip, gzip", `{"a":1}`, "format", `Content-Encoding "gzip, gzip" is not one of`),
		{name: "gzip that nobody calls so", payload: gzipped(t, []byte(`{"a":1}`)), class: "parse", reason: "not a JSON object at byte 0"},
		typed("Avro", "application/avro", "\x00", "Content-Type application/avro is not one of application/json, application/msgpack"),
		packed("MessagePack", "\x81\xa6packed\x01", "", `{"packed":1}`),
		packed("MessagePack, a map of 4 billion", "\xdf\xff\xff\xff\xff", "msgpack ends too early", ""),
		packed("MessagePack, a string of 4 GiB", "\x81\xa1a\xdb\xff\xff\xff\xff", "msgpack ends too early", ""),
		packed("JSON that is called MessagePack", `{"a":1}`, "not a msgpack map at byte 0", ""),
		{name: "Arrow IPC of 2 GiB, not there", payload: "\xff\xff\xff\xff\xff\xff\xff\x7f", class: "parse", reason: "not a sound Arrow IPC stream: the length of a message"},
		{name: "JSON that is called Arrow IPC", payload: `{"a":1}`, header: nats.Header{"Content-Type": {"application/vnd.apache.arrow.stream"}}, class: "parse", reason: "not a sound Arrow IPC stream"},
		typed("JSON in Latin-1 that is UTF-8 by chance", "application/json; charset=iso-8859-1", "{\"a\":\"\u00e9\"}", "charset iso-8859-1 of the Content-Type is not read"),
		{name: "JSON, and called so", payload: `{"typed":1}`, header: nats.Header{"content-type": {"application/json; charset=utf-8"}}, rows: []string{`{"typed":1}`}},
		{name: "1,000 headers", payload: `{"headed":1}`, header: headers, rows: []string{`{"headed":1}`}},
		{name: "1,000 headers of a dead letter", payload: "bad", header: headers, class: "parse", reason: "not a JSON object at byte 0"},
	}
}

// fields is an object of n fields of one value.
func fields(prefix string, n int, value string) string {
	parts := make([]string, n)
	for i := range parts {
		parts[i] = fmt.Sprintf(`"%s%d":%s`, prefix, i, value)
	}
	return "{" + strings.Join(parts, ",") + "}"
}

func gzipped(t *testing.T, data []byte) string {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func zstandard(t *testing.T, data []byte) string {
	t.Helper()
	w, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1))
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close() //nolint:errcheck // it holds nothing
	return string(w.EncodeAll(data, nil))
}
