package natsenv

import "go.uber.org/goleak"

// Leaks are the goroutines that nats-server itself leaves behind where a replica
// makes its copy of a stream while the server stops: the store of that stream is
// never closed. The options let goleak pass them over, and nothing else.
func Leaks() []goleak.Option {
	const server = "github.com/nats-io/nats-server/v2/server"
	return []goleak.Option{
		goleak.IgnoreAnyFunction(server + ".(*fileStore).flushStreamStateLoop"),
		goleak.IgnoreAnyFunction(server + "/ats.Register.func1"),
	}
}
