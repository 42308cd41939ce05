// Package bridge moves messages from JetStream into tables, exactly once.
//
// A message passes five stages, one file each; a stage receives from one channel
// and sends to one channel, and closes only what it sends on:
//
//	fetch --[]Message--> assemble --Batch--> stage xW --Staged--> commit --Committed--> ack
//
//	goroutine   sole owner of                          ends when
//	fetch       the source                             drained, or ctx ends
//	assemble    the decoder, open batch, roll timer    its input closes; seals the last batch first
//	stage xW    one batch at a time                    its input closes
//	commit      the sink's snapshot and ledger         its input closes
//	ack         acks under way                         its input closes
//	lease       the ack waits of held messages         the pipeline closes it
//
// The ack is the last stage and nothing waits for it. Every channel has capacity 0
// or 1, so what is in memory is bounded: the open batch, one per stage, one between.
//
// A Bridge runs one pipeline per topic. A passing error ends a pipeline, and it
// starts again by the ordinary start path after a pause; a contradiction stops the
// topic for good and leaves the others alone.
package bridge
