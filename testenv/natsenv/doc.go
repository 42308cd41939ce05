// Package natsenv gives tests a real nats-server with JetStream: one node in the
// test's process, one in a process of its own that can be killed, or a cluster
// of three in the test's process. Nodes keep their store and their ports when
// they are stopped and started again. It also publishes with a history of what
// the server acknowledged, the ground truth of every delivery test.
//
// Everything is ended by t.Cleanup. Nothing here is safe for concurrent use
// unless it says so.
package natsenv
