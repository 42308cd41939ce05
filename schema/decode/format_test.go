package decode

import (
	"errors"
	"strings"
	"testing"

	"github.com/klauspost/compress/snappy"
)

// headed appends a message with headers, "name: value" each.
func headed(b *Batch, payload string, headers ...string) (int, error) {
	h := map[string][]string{"k": {"v"}}
	for _, line := range headers {
		name, value, _ := strings.Cut(line, ": ")
		h[name] = append(h[name], value)
	}
	return b.Append(Meta{Seq: 1, Header: h}, []byte(payload))
}

// TestFormatOfHeaders holds which headers let JSON through. What they refuse is
// refused whatever the payload looks like.
func TestFormatOfHeaders(t *testing.T) {
	for _, tc := range []struct{ headers, reason string }{
		{"Content-Type: ", ""},
		{"content-type: application/json", ""},
		{"CONTENT-TYPE: Application/JSON; Charset=UTF-8", ""},
		{"Content-Type: text/json", ""},
		{"Content-Type: application/x-ndjson", ""},
		{"Content-Type: application/jsonl", ""},
		{"Content-Type: application/cloudevents+json; charset=utf-8", ""},
		{"Content-Type: text/plain", ""},
		{"Content-Type: application/octet-stream", ""},
		{"Content-Encoding: identity", ""},
		{"Content-Encoding: ", ""},
		{"Content-Type: application/json|content-type: application/x-ndjson", ""},
		{"Content-Type: application/octet-stream|content-type: application/json", ""},
		{"X-Content-Type: text/csv", ""},
		{"Content-Type: text/csv", "Content-Type text/csv is not one of application/json"},
		{"Content-Type: application/json|content-type: text/csv", "Content-Type text/csv is not one of"},
		{"Content-Type: application/json|Content-Type: text/csv", "Content-Type text/csv is not one of"},
		{"Content-Type: application/json; charset=iso-8859-1", "charset iso-8859-1 of the Content-Type is not read"},
		{"Content-Type: text/plain; charset=utf-16", "charset utf-16"},
		{"Content-Type: json", "Content-Type json is not one of"},
		{"Content-Type: a b c", `Content-Type "a b c" cannot be read`},
		{"Content-Type: text/" + strings.Repeat("x", 60_000), "x... is not one of"},
		{"Content-Type: \x1b[31m", "cannot be read"},
		{"Content-Encoding: br", "Content-Encoding br is not one of gzip, zstd, lz4, snappy, s2"},
		{"content-ENCODING: gzip, identity", `Content-Encoding "gzip, identity" is not one of`},
		{"Content-Encoding: gzip|Content-Encoding: gzip", "more than one Content-Encoding"},
		{"Content-Encoding: gzip|content-encoding: zstd", "more than one Content-Encoding"},
	} {
		b := NewBatch(nil, Options{})
		_, err := headed(b, `{"a":1}`, strings.Split(tc.headers, "|")...)
		var rej *Reject
		switch {
		case tc.reason == "":
			if err != nil || b.Rows() != 1 {
				t.Errorf("%s: %v", tc.headers, err)
			}
		case !errors.As(err, &rej) || rej.Class != ClassFormat || !strings.Contains(rej.Reason, tc.reason) || len(rej.Reason) > 300:
			t.Errorf("%.80s: got %v, want %q", tc.headers, err, tc.reason)
		case b.Rows() != 0 || strings.ContainsRune(rej.Reason, 0x1b):
			t.Errorf("%.80s: %d rows, %q", tc.headers, b.Rows(), rej.Reason)
		}
	}
}

// TestMediaTypes: each media type names one format, and the table is as formatOf reads it.
func TestMediaTypes(t *testing.T) {
	seen := map[string]bool{}
	for _, f := range formats {
		for _, name := range f.types {
			got, rej := formatOf(strings.ToUpper(name) + ";charset=utf-8")
			if rej != nil || got != f || seen[name] || name != strings.ToLower(name) {
				t.Errorf("%s: format %v, %v", name, got, rej)
			}
			seen[name] = true
		}
		if f.suffix != "" {
			if got, rej := formatOf("application/vnd.x" + f.suffix); rej != nil || got != f {
				t.Errorf("%s: format %v, %v", f.suffix, got, rej)
			}
		}
	}
}

// TestEncodedPayloads: the encodings themselves have tests in package inflate.
func TestEncodedPayloads(t *testing.T) {
	b := NewBatch(nil, Options{MaxInflated: 2 << 20})
	for range 2 {
		if _, err := headed(b, string(snappy.Encode(nil, []byte(`{"a":1} {"a":2}`))), "Content-Encoding: Snappy", "Content-Type: application/json"); err != nil {
			t.Fatal(err)
		}
	}
	for _, tc := range []struct{ payload, class, reason string }{
		{string(snappy.Encode(nil, []byte("[1]"))), ClassParse, "not a JSON object at byte 1"},
		{string(snappy.Encode(nil, nil)), ClassParse, "the payload is empty"},
		{`{"a":1}`, ClassParse, "the payload in snappy is damaged"},
		{string(snappy.Encode(nil, make([]byte, 3<<20))), ClassLimit, "the payload in snappy is too large: more than the 2097152 bytes that it may become"},
		{"\x80\x80\x80\x80\x04\x00", ClassLimit, "more than the 1048576 bytes"}, // for its six bytes
	} {
		_, err := headed(b, tc.payload, "Content-Encoding: snappy")
		var rej *Reject
		if !errors.As(err, &rej) || rej.Class != tc.class || !strings.Contains(rej.Reason, tc.reason) {
			t.Errorf("%.20q: %v", tc.payload, err)
		}
	}
	if columns, rows := show(t, b); columns != "a int64" || strings.ReplaceAll(rows, "\n", "") != `{"a":1}{"a":2}{"a":1}{"a":2}` {
		t.Errorf("got %s: %s", columns, rows)
	}
}

func TestArrayOfRows(t *testing.T) {
	for _, tc := range []struct {
		payload string
		rows    int
		reason  string
	}{
		{`[{"a":1}]`, 1, ""},
		{" \r\n\t[ {\"a\" : 1 } \n,\t{} ,{\"a\":2}\r] \n", 3, ""},
		{`[{"a":[[{}]]},{"a":null}]`, 2, ""},
		{"[]", 0, "the payload has no rows"},
		{" [ \n ] ", 0, "the payload has no rows"},
		{"[", 0, "JSON ends too early"},
		{`[{"a":1}`, 0, "JSON ends too early"},
		{`[{"a":1},`, 0, "JSON ends too early"},
		{`[{"a":1},]`, 0, "not a JSON object at byte 9"},
		{`[,{"a":1}]`, 0, "not a JSON object at byte 1"},
		{`[{"a":1} {"a":1}]`, 0, "malformed JSON at byte 9"},
		{`[{"a":1}]]`, 0, "more behind the array of rows, at byte 9"},
		{`[{"a":1}] {"a":1}`, 0, "more behind the array of rows"},
		{`{"a":1} [{"a":1}]`, 0, "not a JSON object at byte 8"},
		{`[[{"a":1}]]`, 0, "not a JSON object at byte 1"},
		{`[{"a":1},null]`, 0, "not a JSON object at byte 9"},
		{`[1]`, 0, "not a JSON object at byte 1"},
		{`[{"a":1},{"a":1,"a":2}]`, 0, "occurs twice"},
	} {
		b := NewBatch(nil, Options{Seq: true})
		if tc.reason != "" {
			refuse(t, b, tc.payload, ClassParse, tc.reason)
			continue
		}
		if n, err := b.Append(Meta{Seq: 7}, []byte(tc.payload)); err != nil || n != tc.rows {
			t.Errorf("%q: %d rows, %v", tc.payload, n, err)
		}
		if _, rows := show(t, b); strings.Count(rows, `"_nats_seq":7`) != tc.rows {
			t.Errorf("%q: %s", tc.payload, rows)
		}
	}
}
