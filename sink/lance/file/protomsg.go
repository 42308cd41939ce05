package file

import (
	"errors"
	"fmt"
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/pst-bridge/pst-bridge/sink/lance/fields"
	"github.com/pst-bridge/pst-bridge/sink/lance/internal/lancepb"
)

// The type URLs of Lance are plain paths, unlike those of other protobuf
// users; readers accept both.
const (
	pageLayoutURL     = "/lance.encodings21.PageLayout"
	arrayEncodingURL  = "/lance.encodings.ArrayEncoding" // version 2.0
	columnEncodingURL = "/lance.encodings.ColumnEncoding"
)

// direct puts a serialized message into a page or column encoding.
func direct(url string, value []byte) (*lancepb.Encoding, error) {
	wrapped, err := proto.MarshalOptions{Deterministic: true}.Marshal(&lancepb.Any{TypeUrl: url, Value: value})
	if err != nil {
		return nil, fmt.Errorf("serialize %s: %w", url, err)
	}
	return directBytes(wrapped), nil
}

func directBytes(wrapped []byte) *lancepb.Encoding {
	return &lancepb.Encoding{Location: &lancepb.Encoding_Direct_{
		Direct: &lancepb.Encoding_Direct{Encoding: wrapped},
	}}
}

// columnEncoding says "values", the encoding of every column written. Readers
// insist on its presence. It is spelled out because it never varies: an Any
// with the URL of ColumnEncoding, whose field 1 is an empty message.
func columnEncoding() *lancepb.Encoding {
	wrapped := append([]byte{0x0A, byte(len(columnEncodingURL))}, columnEncodingURL...)
	return directBytes(append(wrapped, 0x12, 0x02, 0x0A, 0x00))
}

// unwrap is the reverse of direct. It accepts any prefix before the URL's path.
func unwrap(e *lancepb.Encoding, url string) ([]byte, error) {
	switch e.GetLocation().(type) {
	case *lancepb.Encoding_Direct_:
	case *lancepb.Encoding_Indirect_:
		return nil, fmt.Errorf("an encoding stored elsewhere: %w", fields.ErrUnsupported)
	default:
		return nil, errors.New("no encoding")
	}
	wrapped := &lancepb.Any{}
	if err := proto.Unmarshal(e.GetDirect().GetEncoding(), wrapped); err != nil {
		return nil, err
	}
	if !strings.HasSuffix(wrapped.GetTypeUrl(), url) {
		return nil, fmt.Errorf("encoding %q: %w", wrapped.GetTypeUrl(), fields.ErrUnsupported)
	}
	return wrapped.GetValue(), nil
}

// checkColumnEncoding accepts plain values, field 1 of ColumnEncoding; others
// are zone indexes (2) and blobs (3).
func checkColumnEncoding(e *lancepb.Encoding) error {
	value, err := unwrap(e, columnEncodingURL)
	if err != nil {
		return err
	}
	if len(value) == 0 || value[0] != 0x0A {
		return fmt.Errorf("a column that holds other than values: %w", fields.ErrUnsupported)
	}
	return nil
}
