package bridge

import (
	"testing"
	"time"

	"github.com/pst-bridge/pst-bridge/consumer"
)

// What a consumer does not wait for any more counts as acknowledged, unless each such
// delivery came here and none was acknowledged.
func TestDealt(t *testing.T) {
	first, second := time.Unix(1, 0), time.Unix(2, 0)
	came := func(seqs ...uint64) func(*dealt) {
		return func(d *dealt) {
			for _, seq := range seqs {
				d.came([]consumer.Message{{ConsumerSeq: seq}})
			}
		}
	}
	for name, c := range map[string]struct {
		what       []func(*dealt)
		made, acks uint64
		want       bool
	}{
		"it waits for all":           {nil, 3, 0, false},
		"before this process":        {nil, 1, 1, true},
		"all came here":              {[]func(*dealt){came(1, 2, 3)}, 3, 3, false},
		"it waits for some":          {[]func(*dealt){came(1, 2, 3)}, 3, 1, false},
		"one is on its way":          {[]func(*dealt){came(1, 2)}, 3, 3, true},
		"one went to another":        {[]func(*dealt){came(1, 3)}, 3, 1, true},
		"the first went to another":  {[]func(*dealt){came(2, 3)}, 3, 3, true},
		"one was acknowledged":       {[]func(*dealt){came(1, 2), (*dealt).acknowledged}, 2, 2, true},
		"the numbers began anew":     {[]func(*dealt){came(1, 2, 1)}, 1, 1, true},
		"another consumer":           {[]func(*dealt){came(1, 2), func(d *dealt) { d.of(second) }}, 2, 2, true},
		"another, and all came here": {[]func(*dealt){came(1), (*dealt).acknowledged, func(d *dealt) { d.of(second) }, came(1)}, 1, 1, false},
		"the same consumer":          {[]func(*dealt){came(1, 2), func(d *dealt) { d.of(first) }}, 2, 2, false},
	} {
		var d dealt
		d.of(first)
		for _, f := range c.what {
			f(&d)
		}
		if got := d.acked(c.made, c.acks); got != c.want {
			t.Errorf("%s: acknowledged %t", name, got)
		}
	}
}
