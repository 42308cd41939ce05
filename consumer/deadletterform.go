package consumer

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
)

const (
	// maxHeaders is what a stream takes of headers, in bytes (server v2.15).
	maxHeaders = 1<<16 - 1
	// laterHeaders is room for what is added once the rest is known: how the payload
	// was made to fit, and Nats-Expected-Last-Subject-Sequence on publish.
	laterHeaders = 128
)

// header makes the headers of a dead letter, of at most limit bytes. The original's
// take the room that ours leave, short ones first; what finds none is counted.
func header(msg Message, stream, class, reason string, limit int) nats.Header {
	h := nats.Header{
		HeaderStream:     {stream},
		HeaderSequence:   {strconv.FormatUint(msg.Seq, 10)},
		HeaderSubject:    {msg.Subject},
		HeaderTime:       {msg.Time.UTC().Format(time.RFC3339Nano)},
		HeaderErrorClass: {headerText(class)},
		HeaderError:      {headerText(reason)},
	}
	size := func(name string) int {
		return headerSize(nats.Header{name: msg.Header[name]}) - headerSize(nil) + len(HeaderOriginal)
	}
	names := slices.SortedFunc(maps.Keys(msg.Header), func(a, b string) int {
		return cmp.Or(cmp.Compare(size(a), size(b)), cmp.Compare(a, b))
	})
	room, dropped := limit-laterHeaders-headerSize(h), 0
	for _, name := range names {
		if room -= size(name); room < 0 {
			dropped++
			continue
		}
		kept := name
		lower := strings.ToLower(name)
		if strings.HasPrefix(lower, "nats-") || strings.HasPrefix(lower, "pst-") {
			kept = HeaderOriginal + name
		}
		h[kept] = msg.Header[name]
	}
	if dropped > 0 {
		h.Set(HeaderDropped, strconv.Itoa(dropped))
	}
	return h
}

// headerText makes text fit for a header line.
func headerText(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "?"))
	if len(s) > MaxReason {
		s = strings.ToValidUTF8(s[:MaxReason-3], "") + "..."
	}
	return strings.TrimSpace(s)
}

// fit gives out the payload, if it fits below the server's limit beside the
// headers; else compressed; else cut, which the headers say.
func fit(out *nats.Msg, data []byte, limit int) error {
	room := limit - laterHeaders - headerSize(out.Header)
	out.Data = data
	if len(data) <= room {
		return nil
	}
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	if _, err := w.Write(data); err != nil {
		return fmt.Errorf("compress payload: %w", err)
	}
	if err := w.Close(); err != nil {
		return fmt.Errorf("compress payload: %w", err)
	}
	if packed.Len() <= room {
		out.Header.Set(HeaderEncoding, "gzip")
		out.Data = packed.Bytes()
		return nil
	}
	if room < 0 {
		return fmt.Errorf("its headers alone exceed the server's limit of %d bytes", limit)
	}
	out.Header.Set(HeaderTruncated, strconv.Itoa(len(data)))
	out.Data = data[:room]
	return nil
}

// headerSize is the length of the headers on the wire.
func headerSize(h nats.Header) int {
	var b bytes.Buffer
	// A bytes.Buffer takes every write.
	_ = http.Header(h).Write(&b)
	return len("NATS/1.0\r\n") + b.Len() + len("\r\n")
}
