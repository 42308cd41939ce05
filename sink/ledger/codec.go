package ledger

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
)

// MaxBytes is the size an encoded entry should stay under. Every manifest
// carries it, so a pipeline above it stops opening new holes until some are filled.
const MaxBytes = 256 << 10

// maxDecode bounds what Decode looks at; entries may pass MaxBytes for a while.
const maxDecode = 16 << 20

// ErrNewer is returned by Decode for an entry of a later format: it must be left alone.
var ErrNewer = errors.New("ledger was written by a newer release")

// entryJSON is the encoded form. Numbers are exact: Go and Python both read 64 bits.
type entryJSON struct {
	Format          int    `json:"format"`
	Domain          string `json:"domain,omitempty"`
	Stream          string `json:"stream"`
	StreamCreated   string `json:"stream_created"`
	Consumer        string `json:"consumer"`
	ConsumerCreated string `json:"consumer_created"`
	Epoch           uint32 `json:"epoch"`
	Floor           uint64 `json:"floor"`
	Held            string `json:"held"`
	DeadPending     string `json:"dead_pending,omitempty"`
	MaxSeq          uint64 `json:"max_seq"`
	Delivery        uint64 `json:"delivery,omitempty"`
	MaxTime         int64  `json:"max_ts"` // Unix nanoseconds
	Recent          string `json:"recent"`
	Below           string `json:"below,omitempty"`
	Rows            uint64 `json:"rows"`
	Dead            uint64 `json:"dead"`
	Version         uint64 `json:"version"`
	Transaction     string `json:"transaction"`
	Table           string `json:"table"`
}

// Encode returns the entry as text for the table's config map.
func (e *Entry) Encode() (string, error) {
	out, err := json.Marshal(entryJSON{
		Format: Format, Domain: e.Domain,
		Stream: e.Stream, StreamCreated: stamp(e.StreamCreated),
		Consumer: e.Consumer, ConsumerCreated: stamp(e.ConsumerCreated),
		Epoch: e.Epoch, Floor: e.Floor,
		Held: e.Held.encode(), DeadPending: encodeOptional(e.DeadPending),
		MaxSeq: e.MaxSeq, Delivery: e.Delivery, MaxTime: nanos(e.MaxTime),
		Recent: encodeMarks(e.Times), Below: encodeBelow(e.Times),
		Rows: e.Rows, Dead: e.Dead,
		Version: e.Version, Transaction: e.Transaction, Table: e.Table,
	})
	if err != nil {
		return "", fmt.Errorf("encode ledger: %w", err)
	}
	return string(out), nil
}

func encodeOptional(s Set) string {
	if s.Empty() {
		return ""
	}
	return s.encode()
}

// nanos is t as Unix nanoseconds; the zero time, which no message has, is 0.
func nanos(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
}

func fromNanos(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.Unix(0, n).UTC()
}

// Decode is the reverse of Encode. It returns ErrNewer for a later format, and an
// error naming the field for anything that does not parse.
func Decode(text string) (*Entry, error) {
	if len(text) > maxDecode {
		return nil, fmt.Errorf("decode ledger: %d bytes are more than the %d allowed", len(text), maxDecode)
	}
	var version struct {
		Format int `json:"format"`
	}
	if err := json.Unmarshal([]byte(text), &version); err != nil {
		return nil, fmt.Errorf("decode ledger: %w", err)
	}
	if version.Format > Format {
		return nil, fmt.Errorf("%w: format %d, this release knows %d", ErrNewer, version.Format, Format)
	}
	if version.Format < 1 {
		return nil, fmt.Errorf("decode ledger: format %d was never written", version.Format)
	}
	var in entryJSON
	dec := json.NewDecoder(bytes.NewReader([]byte(text)))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&in); err != nil {
		return nil, fmt.Errorf("decode ledger: %w", err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("decode ledger: something follows it")
	}
	return in.entry()
}

func (in *entryJSON) entry() (*Entry, error) {
	e := &Entry{
		Identity: Identity{Domain: in.Domain, Stream: in.Stream, Consumer: in.Consumer},
		Epoch:    in.Epoch, Floor: in.Floor, MaxSeq: in.MaxSeq, Delivery: in.Delivery, MaxTime: fromNanos(in.MaxTime),
		Rows: in.Rows, Dead: in.Dead, Version: in.Version, Transaction: in.Transaction, Table: in.Table,
	}
	var err error
	if e.StreamCreated, err = time.Parse(time.RFC3339Nano, in.StreamCreated); err != nil {
		return nil, fmt.Errorf("decode ledger: stream_created: %w", err)
	}
	if e.ConsumerCreated, err = time.Parse(time.RFC3339Nano, in.ConsumerCreated); err != nil {
		return nil, fmt.Errorf("decode ledger: consumer_created: %w", err)
	}
	if e.Held, err = decodeSet(in.Held); err != nil {
		return nil, fmt.Errorf("decode ledger: held: %w", err)
	}
	if e.DeadPending, err = decodeSet(in.DeadPending); err != nil {
		return nil, fmt.Errorf("decode ledger: dead_pending: %w", err)
	}
	for _, s := range []Set{e.Held, e.DeadPending} {
		if low, ok := s.Min(); ok && low == 0 {
			return nil, errors.New("decode ledger: sequence 0 is recorded, streams begin at 1")
		}
	}
	if e.Times, err = decodeTimes(in.Recent, in.Below, e.MaxTime); err != nil {
		return nil, fmt.Errorf("decode ledger: %w", err)
	}
	return e, nil
}
