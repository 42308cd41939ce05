package consumer

import (
	"fmt"
	"strings"

	"github.com/nats-io/nats.go/jetstream"
)

// verifyConsumer names every setting with which the server may stop delivering
// a message that is in no table yet, or delivers something else than the topic.
func verifyConsumer(have jetstream.ConsumerConfig, name, subject string) error {
	var faults []string
	refuse := func(bad bool, format string, args ...any) {
		if bad {
			faults = append(faults, fmt.Sprintf(format, args...))
		}
	}
	refuse(have.Durable == "", "it is not durable (make it with a durable name)")
	refuse(have.AckPolicy != jetstream.AckExplicitPolicy,
		"ack policy is %s: messages count as done before they are in a table (set explicit)",
		strings.ToLower(strings.TrimPrefix(have.AckPolicy.String(), "Ack")))
	refuse(have.DeliverPolicy != jetstream.DeliverAllPolicy,
		"deliver policy is %s: older messages are never delivered (set all)", have.DeliverPolicy)
	refuse(have.MaxDeliver > 0,
		"max deliver is %d: a message delivered that often is dropped (set -1)", have.MaxDeliver)
	refuse(len(have.BackOff) > 0,
		"it has a back-off list, which replaces the ack wait (remove it)")
	refuse(have.InactiveThreshold > 0,
		"inactive threshold is %v: the server deletes it when no worker runs (set 0)", have.InactiveThreshold)
	refuse(have.HeadersOnly, "it delivers headers only (switch headers_only off)")
	refuse(have.PriorityPolicy != jetstream.PriorityPolicyNone,
		"it has a priority policy, which its workers do not take part in (set none)")

	filters := have.FilterSubjects
	if have.FilterSubject != "" {
		filters = append(filters, have.FilterSubject)
	}
	refuse(len(filters) != 1 || filters[0] != subject, "filter is %q (set exactly %q)", filters, subject)
	return unusable("consumer "+name, faults)
}
