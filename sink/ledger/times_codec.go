package ledger

import (
	"cmp"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"time"
)

// encodeMarks writes each checkpoint's message as two signed varints, the differences
// from the one before.
func encodeMarks(list []Checkpoint) string {
	var buf []byte
	var prev Mark
	for _, c := range list {
		buf = binary.AppendVarint(buf, int64(c.Seq-prev.Seq)) //nolint:gosec // wraps around on purpose; decoding wraps back
		buf = binary.AppendVarint(buf, nanos(c.Time)-nanos(prev.Time))
		prev = c.Mark
	}
	return base64.RawStdEncoding.EncodeToString(buf)
}

// encodeBelow writes by how much each checkpoint's message is later than its limit.
func encodeBelow(list []Checkpoint) string {
	var buf []byte
	for _, c := range list {
		buf = binary.AppendVarint(buf, nanos(c.Time)-nanos(c.Below))
	}
	return base64.RawStdEncoding.EncodeToString(buf)
}

// decodeTimes is the reverse of both. Limits that are absent are latest, the time that
// no recorded message passes; marks without them may be in any order.
func decodeTimes(recent, below string, latest time.Time) ([]Checkpoint, error) {
	deltas, err := decodeVarints(recent)
	if err != nil {
		return nil, fmt.Errorf("recent: %w", err)
	}
	if len(deltas)%2 != 0 {
		return nil, errors.New("recent: the last mark is cut short")
	}
	if len(deltas)/2 > maxTimes {
		return nil, fmt.Errorf("recent: more than %d marks", maxTimes)
	}
	var list []Checkpoint
	var seq uint64
	var ns int64
	for i := 0; i < len(deltas); i += 2 {
		seq += uint64(deltas[i]) //nolint:gosec // wraps around on purpose
		ns += deltas[i+1]        // so does this
		list = append(list, Checkpoint{Mark{seq, fromNanos(ns)}, latest})
	}
	if below == "" {
		slices.SortStableFunc(list, func(a, b Checkpoint) int { return cmp.Compare(a.Seq, b.Seq) })
	}
	for i := 1; i < len(list); i++ {
		if list[i].Seq <= list[i-1].Seq {
			return nil, fmt.Errorf("recent: sequence %d follows %d", list[i].Seq, list[i-1].Seq)
		}
	}
	return list, decodeBelow(list, below)
}

func decodeBelow(list []Checkpoint, text string) error {
	if text == "" {
		return nil
	}
	lead, err := decodeVarints(text)
	if err != nil {
		return fmt.Errorf("below: %w", err)
	}
	if len(lead) != len(list) {
		return fmt.Errorf("below: %d limits of %d marks", len(lead), len(list))
	}
	for i, d := range lead {
		list[i].Below = fromNanos(nanos(list[i].Time) - d)
	}
	return nil
}

func decodeVarints(text string) ([]int64, error) {
	raw, err := base64.RawStdEncoding.DecodeString(text)
	if err != nil {
		return nil, err
	}
	var out []int64
	for pos := 0; pos < len(raw); {
		v, n := binary.Varint(raw[pos:])
		if n <= 0 {
			return nil, fmt.Errorf("number %d is cut short", len(out))
		}
		if len(out) == 2*maxTimes {
			return nil, fmt.Errorf("more than %d numbers", 2*maxTimes)
		}
		out = append(out, v)
		pos += n
	}
	return out, nil
}
