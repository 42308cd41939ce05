package ledger

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestCheckRepeat(t *testing.T) {
	e := sample()
	for _, c := range []struct {
		mark Mark
		ok   bool
	}{
		{Mark{7, at(7)}, true},
		{Mark{2, at(2)}, true},
		{Mark{2, at(9)}, true},   // no checkpoint: no later than those near it is all we know
		{Mark{2, at(10)}, false}, // stored after everything recorded
		{Mark{9, at(8)}, false},  // a checkpoint with another time
	} {
		repeats(t, e, c.mark, c.ok)
	}
}

func repeats(t *testing.T, e *Entry, m Mark, ok bool) {
	t.Helper()
	if err := e.CheckRepeat(m); (err == nil) != ok || (err != nil && !errors.Is(err, ErrRewound)) {
		t.Errorf("%d as stored at %v: %v", m.Seq, m.Time, err)
	}
}

// record adds a commit of messages at the times given.
func record(e *Entry, marks ...Mark) *Entry { return e.With(Commit{Marks: marks}) }

// A stream lost 51 to 100 after they were recorded, and gives them out again. Whatever
// else is recorded first, of them or after them, the messages that have these numbers
// now are not taken for those that had them.
func TestUsedAgain(t *testing.T) {
	old := &Entry{}
	var batch []Mark
	for s := uint64(1); s <= 100; s++ {
		if s%5 != 0 { // those are another topic's
			batch = append(batch, Mark{s, at(int64(s))})
		}
		if s%10 == 0 {
			old, batch = record(old, batch...), nil
		}
	}
	// The new ones come within a second of the last.
	again := func(s uint64) Mark { return Mark{s, at(200 + int64(s))} }
	for name, e := range map[string]*Entry{
		"nothing was":                   old,
		"one of a gap was":              record(old, again(55)),
		"those of all gaps were":        record(old, again(55), again(60), again(65), again(70), again(75), again(80)),
		"the same in turn":              record(record(record(old, again(80)), again(65)), again(55)),
		"one beyond all was":            record(old, again(101)),
		"one late, and one beyond all":  record(record(old, again(101)), again(75)),
		"many beyond all were":          record(old, beyond(500)...),
		"many commits beyond all there": commits(old, beyond(500)...),
	} {
		t.Run(name, func(t *testing.T) {
			for s := uint64(51); s < 100; s++ {
				if e.Status(s) != Unknown && old.Status(s) != Unknown {
					repeats(t, e, again(s), false)
					repeats(t, e, Mark{s, at(int64(s))}, true)
				}
			}
		})
	}
}

func beyond(n int64) (out []Mark) {
	for i := range n {
		out = append(out, Mark{uint64(101 + i), at(400 + i)})
	}
	return out
}

func commits(e *Entry, marks ...Mark) *Entry {
	for _, m := range marks {
		e = record(e, m)
	}
	return e
}

// A worker held 100 when the stream lost it, and commits it after others wrote what
// followed: the message that is 100 now is another.
func TestUsedAgainBesideOneHeld(t *testing.T) {
	e := record(record(&Entry{}, Mark{90, at(90)}), Mark{101, at(301)})
	e = record(e, Mark{98, at(98)}, Mark{99, at(99)}, Mark{100, at(100)})
	for s := uint64(98); s <= 100; s++ {
		repeats(t, e, Mark{s, at(int64(s))}, true)
		repeats(t, e, Mark{s, at(200 + int64(s))}, false)
	}
}

// An entry made anew from rows knows the latest time, and nothing about single ones.
func TestCheckRepeatAfterRebuild(t *testing.T) {
	e := &Entry{Held: SetOf(1, 2, 50), MaxSeq: 50, MaxTime: at(80)}
	for _, e := range []*Entry{e, record(e, Mark{20, at(20)}), record(record(e, Mark{20, at(20)}), Mark{60, at(90)})} {
		repeats(t, e, Mark{50, at(80)}, true)
		repeats(t, e, Mark{2, at(80)}, true)
		repeats(t, e, Mark{2, at(91)}, false)
	}
}

// Clocks of servers jump. Whatever times messages were stored at, in whatever order they
// were recorded, with the entry written and read between: none that comes again as
// itself is refused.
func TestNoTrueRedeliveryIsRefused(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := &Entry{}
		clock, times := int64(1_000_000_000), map[uint64]time.Time{}
		var waiting []uint64
		stored := uint64(0)
		for range rapid.IntRange(1, 120).Draw(t, "commits") {
			for range rapid.IntRange(1, 12).Draw(t, "stored") {
				stored++
				clock += rapid.SampledFrom([]int64{0, 1, 20, 20, 20, 1000, -50, 3_600_000, -3_600_000}).Draw(t, "tick")
				times[stored] = at(clock)
				waiting = append(waiting, stored)
			}
			var batch []uint64
			waiting = slices.DeleteFunc(waiting, func(s uint64) bool {
				picked := rapid.IntRange(0, 2).Draw(t, "picked") > 0
				if picked {
					batch = append(batch, s)
				}
				return picked
			})
			var ms []Mark
			for _, s := range batch {
				ms = append(ms, Mark{s, times[s]})
			}
			e = record(e, ms...)
			if len(waiting) > 0 {
				e, _ = e.Raise(waiting[0] - 1)
			}
			if len(e.Times) > maxTimes {
				t.Fatalf("%d checkpoints", len(e.Times))
			}
			text, err := e.Encode()
			if err == nil {
				e, err = Decode(text)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		for s, at := range times {
			if !slices.Contains(waiting, s) {
				if err := e.CheckRepeat(Mark{s, at}); err != nil {
					t.Fatal(err)
				}
			}
		}
	})
}

// A commit a second for a day: the last seconds are known closely, the day roughly.
func TestTimesReachFarBack(t *testing.T) {
	e := &Entry{}
	const day = 24 * 60 * 60
	for s := uint64(1); s <= day; s++ {
		e = record(e, Mark{s, at(int64(s) * 1000)})
	}
	if len(e.Times) != maxTimes || e.Times[maxTimes-1].Seq != day {
		t.Fatalf("%d checkpoints, the last %v", len(e.Times), e.Times[len(e.Times)-1])
	}
	for age := uint64(0); age < day/2; age = 2*age + 1 {
		s := day - age
		if limit := at(int64(s+age/2+2) * 1000); e.CheckRepeat(Mark{s, limit}) == nil {
			t.Errorf("a message recorded %d s ago may come as one of %v later", age, limit.Sub(at(int64(s)*1000)))
		}
	}
}

// Marks of a release that knew no limits, in the order of commits.
func TestDecodeMarksAlone(t *testing.T) {
	e := record(record(record(&Entry{}, Mark{10, at(10)}), Mark{20, at(20)}), Mark{15, at(25)})
	text, err := e.Encode()
	if err != nil {
		t.Fatal(err)
	}
	at1, at2 := strings.Index(text, `,"below"`), strings.Index(text, `,"rows"`)
	e.Times[1], e.Times[2] = e.Times[2], e.Times[1]
	text = strings.Replace(text[:at1]+text[at2:], encodeMarks([]Checkpoint{e.Times[0], e.Times[2], e.Times[1]}), encodeMarks(e.Times), 1)
	got, err := Decode(text)
	if err != nil {
		t.Fatal(err)
	}
	repeats(t, got, Mark{15, at(25)}, true)
	repeats(t, got, Mark{15, at(24)}, false)
	repeats(t, got, Mark{12, at(25)}, true)
	repeats(t, got, Mark{12, at(26)}, false)
}

func TestDecodeRefusesTimes(t *testing.T) {
	good, err := record(record(&Entry{}, Mark{10, at(10)}), Mark{20, at(20)}).Encode()
	if err != nil {
		t.Fatal(err)
	}
	begin := strings.Index(good, `"recent":"`)
	end := strings.Index(good, `,"rows"`)
	for _, fields := range []string{
		`"recent":"FA"`,                                  // half a mark
		`"recent":"gA"`,                                  // half a number
		`"recent":"FBQUAA","below":"AA"`,                 // one limit for two
		`"recent":"FBQAFA","below":"AAA"`,                // one sequence twice
		`"recent":"` + strings.Repeat("AgIC", 100) + `"`, // too many
		`"recent":"?"`,
	} {
		if _, err := Decode(good[:begin] + fields + good[end:]); err == nil {
			t.Errorf("%s: accepted", fields)
		}
	}
}
