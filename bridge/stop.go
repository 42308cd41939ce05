package bridge

import (
	"errors"
	"fmt"

	"github.com/pst-bridge/pst-bridge/consumer"
	"github.com/pst-bridge/pst-bridge/sink"
)

// errDrain is the cause with which fetching ends when the pipeline drains.
var errDrain = errors.New("draining")

// StopError says that a topic stopped because of a contradiction that an operator
// has to resolve; docs/guarantees.md lists the reasons.
type StopError struct {
	Topic  string
	Reason string
	Err    error
}

// Error names the topic, the reason and what was found.
func (e *StopError) Error() string { return fmt.Sprintf("topic %s stopped: %v", e.Topic, e.Err) }

// Unwrap returns what was found.
func (e *StopError) Unwrap() error { return e.Err }

// The reasons that do not come from the table.
const (
	consumerUnusable = "consumer_unusable"
	// streamUnusable: the topic's own stream is missing and may not be made, or its
	// subject is another stream's, or it has settings that lose messages.
	streamUnusable = "stream_unusable"
)

// stopped returns the stop state that err stands for, nil if it may pass by itself.
func stopped(topic string, err error) *StopError {
	var (
		own *StopError
		s   *sink.StopError
	)
	switch {
	case errors.As(err, &own):
		return own
	case errors.As(err, &s):
		return &StopError{Topic: topic, Reason: string(s.Reason), Err: err}
	case errors.Is(err, consumer.ErrUnusable):
		return &StopError{Topic: topic, Reason: consumerUnusable, Err: err}
	default:
		return nil
	}
}

func rewound(format string, args ...any) error {
	return &sink.StopError{Reason: sink.StreamRewound, Err: fmt.Errorf(format, args...)}
}
