package schedule

import (
	"fmt"

	"github.com/pst-bridge/pst-bridge/sink/lance/objstore/faultstore"
)

// theme is what a schedule has much of. Themes take turns from seed to seed, so that
// a few in a row show each: what has to come together for one fault is rare where
// everything happens.
type theme struct {
	name string
	// Of a hundred steps so many; the others are the workers'.
	publish, sleep, crash, foreign, server int

	faults   int                // of a thousand calls of the storage
	putFault int                // of a thousand puts of versions
	puts     []faultstore.Fault // what becomes of these
	foreigns []string           // what other programs do
	rewind   bool               // the server's trouble is always a lost tail, and more is stored at once
	kind     func(w *world) kind
	hole     bool // the first worker's puts wait until others published their version, and a clean-up took it
	fits     bool // no message is a dead letter
	workers  int  // 0: one to three
	steps    int  // at least
}

// mixed is a schedule of everything, some of it or little.
func mixed(w *world) theme {
	rate := []int{0, 10, 60}[w.rng.IntN(3)]
	t := theme{
		name: "mixed", publish: 8, sleep: 4, crash: 2, faults: rate, putFault: 5 * rate, kind: anyKind, steps: 40,
		puts:     []faultstore.Fault{faultstore.Refuse, faultstore.Before, faultstore.After, faultstore.Late, faultstore.Hang},
		foreigns: []string{restore, overwrite, remove, remove, config, config, drop, drop, cleanUp, cleanUp, cleanUp, cleanUp},
	}
	if w.rng.IntN(2) == 0 {
		t.foreign = 6
	}
	if w.rng.IntN(4) == 0 {
		t.server = 2
	}
	return t
}

// themeOf is the theme of a seed.
func themeOf(w *world, seed uint64) theme {
	t := mixed(w)
	switch seed % 7 {
	case 0:
		t.name, t.server, t.rewind, t.workers = "rewind", 6, true, 2+w.rng.IntN(2)
		t.faults, t.putFault, t.crash, t.foreign = t.faults/10, t.putFault/10, 1, 0
		t.steps, t.publish = 70, 10
	case 1:
		t.name, t.hole, t.workers, t.foreign, t.foreigns = "hole", true, 3, 8, []string{cleanUp}
		t.faults, t.putFault, t.server, t.sleep, t.crash, t.publish = 0, 0, 0, 1, 0, 12
		t.steps, t.kind = 100, plain
	case 2:
		t.name, t.putFault, t.workers = "unknown", 600, 2+w.rng.IntN(2)
		t.puts = []faultstore.Fault{faultstore.After, faultstore.After, faultstore.Late, faultstore.Hang}
		t.faults, t.foreign, t.server, t.steps, t.crash, t.sleep = 0, 0, 0, 80, 9, 12
	case 3:
		t.name, t.kind, t.crash, t.workers, t.publish, t.sleep = "poison", clashing, 3, 3, 20, 2
		t.steps = 80
		t.faults, t.putFault, t.foreign, t.server = t.faults/10, t.putFault/10, 0, 0
	case 4:
		t.name, t.foreign, t.workers, t.foreigns = "rollback", 8, 1+w.rng.IntN(3), []string{restore, restore, overwrite, remove, config, cleanUp}
		t.faults, t.putFault, t.server, t.steps = t.faults/10, t.putFault/10, 0, 60
	case 6:
		t.name, t.kind, t.fits, t.workers, t.publish, t.sleep = "widen", widening, true, 3, 20, 4
		t.faults, t.putFault, t.server, t.steps, t.crash = t.faults/10, t.putFault/10, 0, 100, 2
		t.foreigns = []string{remove, config, config, cleanUp}
	}
	return t
}

// anyKind is a message of any kind: some do not parse, some have a column of their own.
func anyKind(w *world) kind {
	k := kind{rows: 1 + w.rng.IntN(2)}
	switch w.rng.IntN(8) {
	case 0:
		k.broken = true
	case 1, 2, 3:
		k.column, k.text = fmt.Sprintf("c%d", w.rng.IntN(3)), w.rng.IntN(3) == 0
		k.wide = !k.text && w.rng.IntN(4) == 0
	}
	return k
}

// widening is a message whose column is one of integers for a while, until another brings
// a fraction.
func widening(w *world) kind {
	k := kind{rows: 1 + w.rng.IntN(2)}
	if w.rng.IntN(5) > 0 {
		k.column, k.wide = fmt.Sprintf("c%d", w.stream.last/10), w.stream.last%10 > 2 && w.rng.IntN(3) == 0
	}
	return k
}

// plain is a message of one or two rows without a column of its own.
func plain(w *world) kind { return kind{rows: 1 + w.rng.IntN(2)} }

// clashing is a message whose column every other message has another type for: whether
// it becomes a row or a dead letter is decided by what is written first.
func clashing(w *world) kind {
	if w.rng.IntN(8) == 0 {
		return kind{rows: 1, broken: true}
	}
	return kind{rows: 1, column: fmt.Sprintf("c%d", w.stream.last/10), text: w.rng.IntN(2) == 0}
}
