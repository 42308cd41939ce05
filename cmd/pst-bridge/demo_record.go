package main

import (
	"encoding/binary"
	"hash/maphash"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
)

// vectorWidth is the number of values in the demo's embedding.
const vectorWidth = 64

// record is one row of the demo: text, numbers, a missing value, a nested
// object, a list and a vector.
type record struct {
	id        int64
	user      string
	text      string
	amount    float64
	paid      bool
	note      *string
	device    device
	tags      []string
	embedding []float32
}

type device struct {
	os      string
	version int64
}

// demoWords are what the demo's people say; some need care in JSON.
func demoWords() []string {
	return []string{
		"order", "arrived", "late", "but", "in", "good", "shape", "thanks", "to", "everyone",
		"would", "buy", "again", "\"really\"", "caf\u00e9", "\u2713",
	}
}

// makeRecord makes the record of an id: always the same for the same id.
func makeRecord(id int64) record {
	r := rand.New(rand.NewPCG(uint64(id), 2))
	names := [...]string{"ada", "grace", "edsger", "barbara", "donald", "frances"}
	systems := [...]string{"linux", "darwin", "windows"}
	tags := [...]string{"new", "vip", "eu", "mobile", "gift"}
	words := demoWords()
	said := make([]string, 5+r.IntN(15))
	for i := range said {
		said[i] = words[r.IntN(len(words))]
	}
	rec := record{
		id:        id,
		user:      names[r.IntN(len(names))],
		text:      strings.Join(said, " "),
		amount:    float64(r.IntN(100_000)) / 100,
		paid:      r.IntN(4) > 0,
		device:    device{os: systems[r.IntN(len(systems))], version: int64(10 + r.IntN(8))},
		tags:      tags[:r.IntN(len(tags)+1)],
		embedding: make([]float32, vectorWidth),
	}
	if r.IntN(3) == 0 {
		note := "leave at door " + strconv.Itoa(r.IntN(90))
		rec.note = &note
	}
	for i := range rec.embedding {
		rec.embedding[i] = float32(r.IntN(2001)-1000) / 1000
	}
	return rec
}

// json appends the record as a JSON object. A missing note is left out.
func (r *record) json(b []byte) []byte {
	b = append(b, `{"id":`...)
	b = strconv.AppendInt(b, r.id, 10)
	b = append(b, `,"user":`...)
	b = strconv.AppendQuote(b, r.user)
	b = append(b, `,"text":"`...)
	for i := range len(r.text) { // the words hold nothing else that JSON escapes
		if r.text[i] == '"' {
			b = append(b, '\\')
		}
		b = append(b, r.text[i])
	}
	b = append(b, `","amount":`...)
	b = strconv.AppendFloat(b, r.amount, 'f', 2, 64)
	b = append(b, `,"paid":`...)
	b = strconv.AppendBool(b, r.paid)
	if r.note != nil {
		b = append(b, `,"note":`...)
		b = strconv.AppendQuote(b, *r.note)
	}
	b = append(b, `,"device":{"os":`...)
	b = strconv.AppendQuote(b, r.device.os)
	b = append(b, `,"version":`...)
	b = strconv.AppendInt(b, r.device.version, 10)
	b = append(b, `},"tags":[`...)
	for i, tag := range r.tags {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendQuote(b, tag)
	}
	b = append(b, `],"embedding":[`...)
	for i, v := range r.embedding {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendFloat(b, float64(v), 'f', 3, 32)
	}
	return append(b, "]}"...)
}

// sum is a hash of all values of the record: equal for equal records within one
// process and seed.
func (r *record) sum(seed maphash.Seed) uint64 {
	var h maphash.Hash
	h.SetSeed(seed)
	word := func(v uint64) {
		var b [8]byte
		binary.LittleEndian.PutUint64(b[:], v)
		_, _ = h.Write(b[:]) // never fails
	}
	text := func(s string) {
		word(uint64(len(s)))
		_, _ = h.WriteString(s) // never fails
	}
	word(uint64(r.id))
	text(r.user)
	text(r.text)
	word(math.Float64bits(r.amount))
	text(strconv.FormatBool(r.paid))
	if r.note != nil {
		text(*r.note)
	} else {
		word(math.MaxUint64)
	}
	text(r.device.os)
	word(uint64(r.device.version))
	word(uint64(len(r.tags)))
	for _, t := range r.tags {
		text(t)
	}
	word(uint64(len(r.embedding)))
	for _, v := range r.embedding {
		word(uint64(math.Float32bits(v)))
	}
	return h.Sum64()
}
