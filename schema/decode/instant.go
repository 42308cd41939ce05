package decode

import (
	"math/bits"
	"time"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/pst-bridge/pst-bridge/schema"
)

// putDate stores a date written as YYYY-MM-DD. A time of day makes the column one of
// instants, if it may be widened.
func (b *Batch) putDate(c *column, s []byte) *Reject {
	t, ok := parseDate(s)
	if !ok {
		if t.UnmarshalText(s) != nil {
			return misfit(c, "string that is not a date YYYY-MM-DD")
		}
		if rej := b.widenTo(c, schema.Instant, "time of day"); rej != nil {
			return rej
		}
		return b.putTime(c, s)
	}
	if rej := b.open(c); rej != nil {
		return rej
	}
	c.store(uint64(uint32(int32(t.Unix() / (24 * 60 * 60)))))
	return nil
}

func parseDate(s []byte) (time.Time, bool) {
	if len(s) != len(time.DateOnly) {
		return time.Time{}, false
	}
	t, err := time.Parse(time.DateOnly, string(s))
	return t, err == nil
}

// putTime stores an instant written as RFC 3339 has it, or a date, which is the
// instant at its first midnight in UTC. The zone of the text is used up: the column
// counts from 1970 UTC.
func (b *Batch) putTime(c *column, s []byte) *Reject {
	t, ok := parseDate(s)
	if !ok && t.UnmarshalText(s) != nil {
		return misfit(c, "string that is not an RFC 3339 time")
	}
	return b.putInstant(c, t.Unix(), int64(t.Nanosecond()), subNano(s))
}

// putInstant stores the time that is so many seconds and nanoseconds after 1970, and a
// little more if finer.
func (b *Batch) putInstant(c *column, sec, nano int64, finer bool) *Reject {
	v, exact, ok := ticksOf(sec, nano, c.typ.(*arrow.TimestampType).Unit)
	switch {
	case !ok:
		return misfit(c, "time out of range")
	case !exact || finer:
		return misfit(c, "time finer than the unit of the column")
	}
	return b.putFixed(c, uint64(v))
}

// subNano tells whether an RFC 3339 time has digits that package time drops:
// those behind the ninth of the fraction.
func subNano(s []byte) bool {
	const whole = len("2006-01-02T15:04:05.")
	digits := 0
	for i := whole; i < len(s) && '0' <= s[i] && s[i] <= '9'; i++ {
		digits++
	}
	return digits > 9
}

// ticks counts the units from 1970 to t, rounded down. exact is false if that
// rounds, ok if the count fits.
func ticks(t time.Time, unit arrow.TimeUnit) (v int64, exact, ok bool) {
	return ticksOf(t.Unix(), int64(t.Nanosecond()), unit)
}

// ticksOf is ticks for a time given as seconds and nanoseconds.
func ticksOf(sec, nano int64, unit arrow.TimeUnit) (v int64, exact, ok bool) {
	perSecond, whole, rest := int64(1), int64(0), nano
	switch unit {
	case arrow.Second:
	case arrow.Millisecond:
		perSecond, whole, rest = 1e3, nano/1e6, nano%1e6
	case arrow.Microsecond:
		perSecond, whole, rest = 1e6, nano/1e3, nano%1e3
	case arrow.Nanosecond:
		perSecond, whole, rest = 1e9, nano, 0
	}
	v, ok = mulAdd(sec, perSecond, whole)
	return v, rest == 0, ok
}

// mulAdd returns a*b + c for b > 0 and 0 <= c < b, or false if it overflows.
func mulAdd(a, b, c int64) (int64, bool) {
	if a < 0 { // keep the sign of both parts the same, so that neither step overflows early
		hi, lo := bits.Mul64(uint64(-(a + 1)), uint64(b))
		lo, carry := bits.Add64(lo, uint64(b-c-1), 0)
		return -int64(lo) - 1, hi+carry == 0 && lo <= 1<<63-1
	}
	hi, lo := bits.Mul64(uint64(a), uint64(b))
	lo, carry := bits.Add64(lo, uint64(c), 0)
	return int64(lo), hi+carry == 0 && lo <= 1<<63-1
}
