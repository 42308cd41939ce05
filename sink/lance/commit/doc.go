// Package commit turns proposals into versions of a table: exactly one writer wins
// a version, and nobody is told of success before the head of the table was read
// back and found to hold what was proposed.
//
// # The loop
//
//	head ─▶ Plan ─▶ check ─▶ transaction file ─▶ put if absent ─▶ read back ─▶ done
//	  ▲       │nothing left        (durable)      │lost │unknown     │missing
//	  │       └───────────────────────────────────│─────│───▶ read back
//	  └───────────────────────────────────────────┴─────┴────────────┘
//
// The planner sees every head the loop builds upon and subtracts what that head
// holds already. It alone knows by what its rows are recognised; the loop asks it
// (Landed) instead of trusting any answer of the store.
//
// # Why the read-back
//
// Put-if-absent has one winner for a name, but the name may be free for the wrong
// reason. Worker A reads head 2 and is suspended; others commit 3 to 22; a clean-up
// removes 1 to 21. A wakes up and publishes 3, successfully, and nobody will ever
// read it. Only the head tells: it is 22, and without A's rows.
//
// # Unknown outcomes
//
// A put that timed out, or failed after it may have taken effect, is settled by
// reading. The head holds the proposal: won. It holds a part, or the version is
// another's, or the table has gone on: lost. The version is still absent: the same
// bytes are put again, a few times. Nothing is deleted on the way, since whatever
// the put left behind may turn out to be live.
//
// # Durability
//
// A version that another process published is fsynced here before it is returned:
// its writer may have died between publishing and fsyncing, and what is acked on
// the strength of that version must survive a power failure.
package commit
