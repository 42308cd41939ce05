// Package schedule runs the shipped sink under thousands of random schedules in one
// process, under fake time: several workers on one table in memory, a model of
// JetStream that deals messages to them, storage that fails, other programs that
// change the table, and crashes between any two calls of the storage. What a schedule
// left is judged by a checker that shares no code with the ledger.
//
//	PST_SCHEDULES=20000 go test ./testenv/schedule          more of them
//	PST_SCHEDULE_SEED=17 go test -v ./testenv/schedule      one again, told step by step
//
// One goroutine runs at a time: a worker goes on only when the schedule lets it, until
// it stops at a call of the storage, waits for the clock, or is done. So a seed gives
// the same schedule again, but for the length of pauses, which changes no order.
package schedule
