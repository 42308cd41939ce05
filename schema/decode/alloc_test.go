package decode

import (
	"math/rand/v2"
	"testing"

	"github.com/pst-bridge/pst-bridge/schema"
)

// TestNoAllocationPerRow: memory is allocated when columns grow, and not else.
func TestNoAllocationPerRow(t *testing.T) {
	times := declare(t, schema.Evolve, col("t", "timestamp[us, UTC]"), col("d", "date32"), col("c", "time64[us]"), col("e", "date64"), col("s", "duration[s]"))
	other := declare(t, schema.Evolve, col("b", "binary"), col("f", "fixed_size_binary[3]"), col("h", "halffloat"), col("m", "decimal128(20, 4)"), col("n", "decimal256(60, 4)"), col("k", "dictionary<int32, utf8>"),
		col("j", "json"), schema.Column{Path: "x", Type: "utf8", Conflict: "string"})
	strange := `{"a":1,"x":{"y":[1,{"z":"\n"}],"y2":2},"o":{"a":1,"k":true},"é":2}`
	known := []schema.Column{col("a", "int8"), col("o.a", "int8")}
	for name, c := range map[string]struct {
		o       Options
		payload string
	}{
		"inferred":  {Options{}, string(sampleRow(rand.New(rand.NewPCG(1, 2)))) + ` {"id":1,"vector":[1,2.5],"o":{"x":[1,2],"n":null}}`},
		"keys":      {Options{}, `{"a.b":1,"é":2,"q\"":3,"o":{"a.b":4},"\u0061":5}`},
		"strings":   {Options{}, `{"a":"é\n\"","b":"\ud83d\ude00","c":""}`},
		"numbers":   {Options{}, `{"a":1e2,"b":-0.125,"c":1234567890.123456,"d":-9007199254740992,"e":18446744073709551615}`},
		"times":     {times, `{"t":"2024-01-01T00:00:00.25Z","d":"2024-01-01","c":"01:02:03.5","e":"2024-01-01","s":5} {"t":5,"e":86400000}`},
		"other":     {other, `{"b":"AAECAw==","f":"AAEC","h":1.5,"m":"-1234567.25","n":0,"k":"one","j":{"a":[1,{"b":"c"}]},"x":[1,2]} {"x":"s","j":"s"}`},
		"ignored":   {declare(t, schema.Ignore, known...), strange},
		"kept":      {declare(t, schema.KeepJSON, known...), strange},
		"defaulted": {declare(t, schema.Evolve, withDefault("a", "utf8", `"x"`), withDefault("b", "int8", "1")), `{}`},
	} {
		t.Run(name, func(t *testing.T) {
			c.o.Seq, c.o.Time, c.o.Subject = true, true, true
			m := Meta{Seq: 1, Subject: "persisting.t"}
			b := NewBatch(nil, c.o)
			payload := []byte(c.payload)
			for range 2 { // the second time in the memory of the first
				b.Reset(nil)
				for range 2500 {
					if _, err := b.Append(m, payload); err != nil {
						t.Fatal(err)
					}
				}
			}
			b.Reset(nil)
			push(t, b, c.payload)
			if n := testing.AllocsPerRun(2000, func() { _, _ = b.Append(m, payload) }); n > 0 {
				t.Errorf("%v allocations per message", n)
			}
		})
	}
}
