package main

import (
	"net"
	"net/url"
	"slices"
	"strings"

	"github.com/pst-bridge/pst-bridge/consumer"
)

// validateNames refuses names that no stream, consumer or subject can have: they would
// fail at the server, which may not be there yet.
func (c *runFlags) validateNames() error {
	if _, err := consumer.ConsumerName(c.Consumer, "t"); err != nil {
		return usagef("--consumer: %v", err)
	}
	for i, topic := range c.Topics {
		if err := consumer.CheckTopic(topic); err != nil {
			return usagef("--topics: %v", err)
		}
		if slices.Contains(c.Topics[:i], topic) {
			return usagef("--topics: %q is named twice", topic)
		}
	}
	if err := consumer.CheckTopic(c.Where.SubjectPrefix); err != nil {
		return usagef("--subject-prefix: %v", err)
	}
	if s := c.Where.Stream; s == "" || strings.ContainsAny(s, ".*>/\\ \t\r\n") {
		return usagef("--stream %q: a name has no dot, wildcard, slash or white space", s)
	}
	return nil
}

// validateAddresses refuses addresses that nobody can listen at or connect to.
func (c *runFlags) validateAddresses() error {
	if c.HTTP != "" {
		if _, _, err := net.SplitHostPort(c.HTTP); err != nil {
			return usagef("--http %q is not HOST:PORT", c.HTTP)
		}
	}
	if c.Connect.Timeout <= 0 {
		return usagef("--timeout %v: use a positive duration", c.Connect.Timeout)
	}
	for server := range strings.SplitSeq(c.Connect.Server, ",") {
		server = strings.TrimSpace(server)
		if server == "" {
			continue
		}
		if !strings.Contains(server, "://") {
			server = "nats://" + server
		}
		u, err := url.Parse(server)
		if err != nil || u.Host == "" || !slices.Contains([]string{"nats", "tls", "ws", "wss"}, u.Scheme) {
			// What the parser says may quote a password.
			return usagef("--server: a server URL cannot be read: write nats://HOST:PORT (or tls, ws, wss), and other characters than letters and digits in user, password or token as %%XX")
		}
	}
	return nil
}
