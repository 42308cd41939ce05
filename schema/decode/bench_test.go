package decode

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strconv"
	"testing"
	"time"
)

// sampleRow is a row of about 170 bytes and seven fields: two integers, a
// float, a bool, three strings, some nulls and escapes.
func sampleRow(r *rand.Rand) []byte {
	name := fmt.Sprintf(`"sensor-%05d"`, r.IntN(100000))
	if r.IntN(10) == 0 {
		name = "null"
	}
	note := "all values within the expected range, nothing to report"
	if r.IntN(8) == 0 {
		note = `said \"stop\" at line\n` + strconv.Itoa(r.IntN(1000)) + ` caf\u00e9 and went on as before`
	}
	return fmt.Appendf(nil, `{"id":%d,"device":%s,"value":%.4f,"ok":%t,"count":%d,"city":"town-%d","note":"%s"}`,
		r.Int64N(1<<40), name, r.Float64()*1000, r.IntN(2) == 0, r.IntN(10000), r.IntN(500), note)
}

func benchmark(b *testing.B, payloads [][]byte, rowsEach int) {
	size := 0
	for _, p := range payloads {
		size += len(p)
	}
	batch := NewBatch(nil, Options{Seq: true, Time: true})
	now := time.Unix(1_700_000_000, 0)
	b.SetBytes(int64(size / len(payloads)))
	b.ReportAllocs()
	i, rows := 0, 0
	for b.Loop() {
		n, err := batch.Append(Meta{Seq: uint64(i), Time: now}, payloads[i%len(payloads)])
		if err != nil {
			b.Fatal(err)
		}
		rows += n
		if batch.Rows() >= 10_000 {
			rec, err := batch.Record()
			if err != nil {
				b.Fatal(err)
			}
			batch.Reset(rec.Schema())
		}
		i++
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(rows), "ns/row")
}

func BenchmarkSingleRows(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 2))
	var payloads [][]byte
	for range 1000 {
		payloads = append(payloads, sampleRow(r))
	}
	benchmark(b, payloads, 1)
}

func BenchmarkNDJSON(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 2))
	var p []byte
	for range 1000 {
		p = append(append(p, sampleRow(r)...), '\n')
	}
	benchmark(b, [][]byte{p}, 1000)
}

func BenchmarkVectors(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 2))
	var payloads [][]byte
	for i := range 100 {
		p := fmt.Appendf(nil, `{"id":%d,"vector":[`, i)
		for range 128 {
			p = fmt.Appendf(p, "%.6f,", r.NormFloat64())
		}
		payloads = append(payloads, append(bytes.TrimSuffix(p, []byte(",")), "]}"...))
	}
	benchmark(b, payloads, 1)
}
