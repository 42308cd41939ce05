package consumer

import (
	"errors"
	"fmt"
	"strings"

	"github.com/nats-io/nats.go/jetstream"
)

// ErrUnusable is wrapped when a stream or consumer exists with settings the
// bridge cannot work with. The message names each of them with its fix.
var ErrUnusable = errors.New("settings do not fit")

// unusable joins faults into one error, or returns nil if there are none.
func unusable(what string, faults []string) error {
	if len(faults) == 0 {
		return nil
	}
	return fmt.Errorf("%s: %w: %s", what, ErrUnusable, strings.Join(faults, "; "))
}

// verifyStream returns what may surprise, or an error that names each setting
// with which messages could not reach a table.
func verifyStream(have jetstream.StreamConfig, want StreamConfig) (warnings []string, err error) {
	var faults []string
	if have.Retention == jetstream.InterestPolicy {
		faults = append(faults, "retention is interest, which drops messages of topics without a consumer"+
			" (make a stream with retention workqueue or limits)")
	} else if have.Retention != want.Retention.policy() {
		warnings = append(warnings, fmt.Sprintf("retention is %s, not %s: it is fixed when a stream is made, and both work",
			retentionName(have.Retention), want.Retention))
	}
	faults = append(faults, uncovered(have, want)...)
	if want.own != "" && len(have.Subjects) > 1 {
		warnings = append(warnings, fmt.Sprintf("it takes %q: what is not %s is not written, and fills it (leave it that one subject)", have.Subjects, want.subject()))
	}
	if have.Storage == jetstream.MemoryStorage {
		warnings = append(warnings, "storage is memory: messages not yet in a table are lost when the server stops (make it anew with file storage)")
	}
	if have.Discard == jetstream.DiscardOld && (have.MaxBytes > 0 || have.MaxMsgs > 0) {
		warnings = append(warnings, "discard policy is old: a full stream drops messages not yet in a table (use discard new)")
	}
	if have.MaxAge > 0 {
		warnings = append(warnings, fmt.Sprintf("max age is %v: messages older than that are dropped, also when not yet in a table (set 0)", have.MaxAge))
	}
	if have.MaxMsgsPerSubject > 0 && !have.DiscardNewPerSubject {
		warnings = append(warnings, fmt.Sprintf("at most %d messages are kept per subject: older ones are dropped, also when not yet in a table (set -1)",
			have.MaxMsgsPerSubject))
	}
	if want.MaxBytes > 0 && have.MaxBytes != want.MaxBytes {
		warnings = append(warnings, fmt.Sprintf("its byte limit is %d, not %d: an existing stream is not changed (nats stream edit --max-bytes)",
			max(have.MaxBytes, 0), want.MaxBytes))
	}
	if have.NoAck {
		warnings = append(warnings, "publishers get no acknowledgements (no_ack): they cannot know what was stored (set no_ack false)")
	}
	return warnings, unusable("stream "+have.Name, faults)
}

func retentionName(p jetstream.RetentionPolicy) string {
	if p == jetstream.LimitsPolicy {
		return Limits.String()
	}
	return WorkQueue.String()
}

// uncovered names the wanted subjects that the stream does not take. What a
// mirror or a sourced stream holds is not said by its subjects.
func uncovered(have jetstream.StreamConfig, want StreamConfig) []string {
	if have.Mirror != nil || len(have.Sources) > 0 {
		return nil
	}
	covers := func(subject string) bool {
		for _, s := range have.Subjects {
			if subjectCovers(s, subject) {
				return true
			}
		}
		return false
	}
	all := want.Prefix + ".>"
	if covers(all) {
		return nil
	}
	if len(want.Topics) == 0 {
		return []string{fmt.Sprintf("subjects %q do not cover %s (add it to the stream, or list the topics, or change --subject-prefix)",
			have.Subjects, all)}
	}
	var faults []string
	for _, topic := range want.Topics {
		if subject := want.Prefix + "." + topic; !covers(subject) {
			faults = append(faults, fmt.Sprintf("subjects %q do not cover %s (add it to the stream)", have.Subjects, subject))
		}
	}
	return faults
}

// subjectCovers reports whether every subject that matches narrow also matches
// wide; both may hold wildcards.
func subjectCovers(wide, narrow string) bool {
	w, n := strings.Split(wide, "."), strings.Split(narrow, ".")
	for i, token := range w {
		switch {
		case token == ">":
			return i < len(n)
		case i >= len(n):
			return false
		case token == "*":
			if n[i] == ">" {
				return false
			}
		case token != n[i]:
			return false
		}
	}
	return len(w) == len(n)
}
