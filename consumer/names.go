package consumer

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/pst-bridge/pst-bridge/internal/escape"
)

// MaxNameLength is the longest consumer name this package makes. JetStream
// allows 255 bytes, and a name is also a directory on the server's disk.
const MaxNameLength = 255

// ErrTopic is wrapped by the error for a topic that is no usable subject.
var ErrTopic = errors.New("not a topic")

// CheckTopic reports why a topic cannot be the tail of a subject, or nil. A
// topic is one or more dot-separated tokens without wildcards, white space and
// control characters. The error wraps ErrTopic.
func CheckTopic(topic string) error {
	if !utf8.ValidString(topic) {
		return fmt.Errorf("%q: %w: it is not valid UTF-8", topic, ErrTopic)
	}
	for token := range strings.SplitSeq(topic, ".") {
		switch {
		case token == "":
			return fmt.Errorf("%q: %w: it has an empty token", topic, ErrTopic)
		case token == "*" || token == ">":
			return fmt.Errorf("%q: %w: it is a wildcard; name one topic", topic, ErrTopic)
		}
	}
	for _, r := range topic {
		if r <= ' ' || r == 0x7f {
			return fmt.Errorf("%q: %w: it has white space or a control character", topic, ErrTopic)
		}
	}
	return nil
}

// ConsumerName returns the durable name of a topic, base + "-" + the topic
// escaped to [A-Za-z0-9_-]. For one base it is injective. A byte outside
// [A-Za-z0-9_-], the dot included, becomes _xHH; an underscore is escaped only
// where it would otherwise read as the start of such an escape. The error names
// a bad base, a bad topic, or a result longer than MaxNameLength.
func ConsumerName(base, topic string) (string, error) {
	if base == "" {
		return "", errors.New("consumer base name is empty")
	}
	for i := range len(base) {
		if !nameByte(base[i]) {
			return "", fmt.Errorf("consumer base name %q: only A-Z a-z 0-9 _ - are allowed", base)
		}
	}
	if err := CheckTopic(topic); err != nil {
		return "", err
	}
	name := base + "-" + escape.Bytes(topic, nameByte)
	if len(name) > MaxNameLength {
		return "", fmt.Errorf("consumer name of topic %q has %d bytes, more than %d: shorten the topic or --consumer",
			topic, len(name), MaxNameLength)
	}
	return name, nil
}

func nameByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '-'
}
