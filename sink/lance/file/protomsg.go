package file

import (
	"fmt"

	"google.golang.org/protobuf/proto"

	"github.com/pst-bridge/pst-bridge/sink/lance/internal/lancepb"
)

// The type URLs of Lance are plain paths, unlike those of other protobuf
// users; readers accept both.
const (
	pageLayoutURL     = "/lance.encodings21.PageLayout"
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
