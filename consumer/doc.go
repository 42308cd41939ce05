// Package consumer is everything the bridge needs of NATS JetStream: the
// connection, the stream and its topics, one durable pull consumer per topic,
// fetching, leases, acknowledgements and dead letters. It knows no Arrow, no
// table and no schema; a message is bytes, headers and a place in a stream.
//
// # What it promises
//
// It never updates a stream or a consumer: it creates what is missing, where
// that is allowed, and otherwise verifies and explains. It refuses consumer
// settings that let the server lose a message in silence. It never drops a
// message it was given: what was delivered and not handed to the caller is
// given back to the server with a negative acknowledgement.
//
// # Goroutines
//
//	nats.go read loop -> subscription callback -> Source.buffer
//	caller of Fetch   <- Source.buffer
//	Lease.run            extends what the caller still holds
//
// A Source owns one subscription, whose callback nats.go runs on a goroutine
// of its own until Source.Close. A Lease owns one goroutine until Lease.Close.
// Connect leaves the goroutines of nats.go running until Conn.Close.
//
// # Locks
//
// Conn.mu, Source.mu and Lease.mu are never held together, and no I/O and no
// callback runs under any of them.
package consumer
