package main

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// distinct is how many different rows a run repeats: enough that nothing is constant.
const distinct = 1000

// rows makes JSON objects of about 170 bytes: seven fields, some null, some escaped.
func rows(seed uint64) [][]byte {
	rng := rand.New(rand.NewPCG(seed, 1)) //nolint:gosec // a benchmark needs repeatable data
	out := make([][]byte, distinct)
	levels := []string{"debug", "info", "warn", "error"}
	for i := range out {
		user := fmt.Sprintf("%q", fmt.Sprintf("user-%05d", rng.IntN(20_000)))
		if rng.IntN(10) == 0 {
			user = "null"
		}
		text := fmt.Sprintf("request %d took long\\tthen \\\"recovered\\\" \\u00e9 after %d", rng.IntN(1_000_000), rng.IntN(9))
		out[i] = fmt.Appendf(nil, `{"id":%d,"at":%d,"level":%q,"ok":%v,"load":%.6f,"user":%s,"message":"%s"}`,
			rng.Int64N(1<<40), 1_700_000_000_000+rng.Int64N(1<<32), levels[rng.IntN(4)], rng.IntN(8) != 0, rng.Float64()*100, user, text)
	}
	return out
}

// lines makes messages of n rows each.
func lines(rows [][]byte, n int) [][]byte {
	out := make([][]byte, 0, len(rows)/n+1)
	for i := 0; i < len(rows); i += n {
		var b strings.Builder
		for j := range n {
			b.Write(rows[(i+j)%len(rows)])
			b.WriteByte('\n')
		}
		out = append(out, []byte(b.String()))
	}
	return out
}

// vectors makes rows of an id and a 128-d vector.
func vectors(seed uint64) [][]byte {
	rng := rand.New(rand.NewPCG(seed, 2)) //nolint:gosec // see rows
	out := make([][]byte, distinct)
	for i := range out {
		var b strings.Builder
		fmt.Fprintf(&b, `{"id":%d,"embedding":[`, i)
		for d := range 128 {
			if d > 0 {
				b.WriteByte(',')
			}
			fmt.Fprintf(&b, "%.5f", rng.Float32())
		}
		b.WriteString("]}")
		out[i] = []byte(b.String())
	}
	return out
}
