package compress

import (
	"cmp"
	"slices"
)

const (
	// fsstRounds is how often the symbols are chosen anew.
	fsstRounds = 5
	// fsstCodes is all codes that a count may be about: symbols, then bytes
	// without one.
	fsstCodes = 512
	// singleBonus favours symbols of one byte, which spare an escape each time
	// and are what longer symbols are made of.
	singleBonus = 8
)

// trainer chooses symbols: round after round it encodes a sample with those it
// has, counts each and each pair of neighbours, and keeps of all symbols and
// joined pairs the ones that cover most bytes.
type trainer struct {
	matcher matcher
	single  [fsstCodes]uint16
	pairs   [fsstCodes * fsstCodes]uint16
	gains   map[symbol]int
	ranking []candidate
}

// candidate is a symbol and the bytes of the sample it would cover.
type candidate struct {
	symbol symbol
	gain   int
}

// train is a matcher of the symbols for a sample, valid until the next call.
func (t *trainer) train(sample []byte) *matcher {
	t.matcher.reset()
	if t.gains == nil {
		t.gains = map[symbol]int{}
	}
	for round := range fsstRounds {
		t.count(sample)
		t.rank(round == fsstRounds-1)
		t.matcher.reset()
		for _, c := range t.ranking {
			if len(t.matcher.symbols) == fsstEscape {
				break
			}
			t.matcher.add(c.symbol)
		}
	}
	return &t.matcher
}

// count encodes the sample. Its size keeps the counts within 16 bits.
func (t *trainer) count(sample []byte) {
	clear(t.single[:])
	clear(t.pairs[:])
	last := -1
	for at := 0; at < len(sample); {
		code, length := t.matcher.next(load(sample, at), len(sample)-at)
		t.single[code]++
		if last >= 0 {
			t.pairs[last*fsstCodes+int(code)]++
		}
		last = int(code)
		at += length
	}
}

// rank orders the candidates by gain; in the last round no pairs are joined,
// as nothing would show whether they pay.
func (t *trainer) rank(last bool) {
	clear(t.gains)
	for code, n := range t.single {
		if n == 0 {
			continue
		}
		s := t.symbol(code)
		weight := int(s.length)
		if s.length == 1 {
			weight = singleBonus
		}
		t.gains[s] += int(n) * weight
		if last {
			continue
		}
		for next, n := range t.pairs[code*fsstCodes : (code+1)*fsstCodes] {
			if n < 3 || s.length == 8 {
				continue
			}
			j := s.join(t.symbol(next))
			t.gains[j] += int(n) * int(j.length)
		}
	}
	t.ranking = t.ranking[:0]
	for s, gain := range t.gains {
		t.ranking = append(t.ranking, candidate{s, gain})
	}
	slices.SortFunc(t.ranking, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(b.gain, a.gain), cmp.Compare(a.symbol.bytes, b.symbol.bytes), cmp.Compare(a.symbol.length, b.symbol.length))
	})
}

// symbol is what a code stands for.
func (t *trainer) symbol(code int) symbol {
	if code >= escaped {
		return symbol{bytes: uint64(code - escaped), length: 1}
	}
	return t.matcher.symbols[code]
}
