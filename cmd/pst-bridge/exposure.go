package main

import (
	"fmt"
	"net"
	"os"
	"runtime"

	"github.com/pst-bridge/pst-bridge/bridge"
	"github.com/pst-bridge/pst-bridge/consumer"
)

// exposure lists what others could read or do: a connection in clear, files with
// secrets that others can read, addresses that other machines reach. conn may be nil.
func (c *runFlags) exposure(conn *consumer.Conn) []bridge.Finding {
	var found []bridge.Finding
	warn := func(what, fix, format string, args ...any) {
		found = append(found, bridge.Finding{Level: bridge.LevelWarning, What: what, Detail: fmt.Sprintf(format, args...), Fix: fix})
	}
	if conn != nil && conn.Exposed() {
		warn("connection", "set up TLS on the server", "%s is another machine and the connection has no TLS: messages can be read and acknowledgements forged on the way", conn.Server())
	}
	for _, f := range []struct{ flag, file string }{
		{"--creds", c.Connect.Creds}, {"--nkey", c.Connect.NKey}, {"--tlskey", c.Connect.TLSKey},
	} {
		if mode, open := openToOthers(f.file); open {
			warn("credentials", "chmod 600 "+f.file, "%s %s has mode %04o: other users of this machine can use it", f.flag, f.file, mode)
		}
	}
	if host, _, err := net.SplitHostPort(c.HTTP); err == nil && !consumer.Loopback(host) {
		warn("http", "--http 127.0.0.1:8225, or let only those reach it who may know", "--http %s: whoever reaches it reads metrics, topics and errors, without TLS or credentials", c.HTTP)
	}
	if host, _, err := net.SplitHostPort(c.Listen); err == nil && c.Embedded && !consumer.Loopback(host) {
		warn("embedded server", "--listen 127.0.0.1:4222, or a nats-server with users",
			"--listen %s: it has no users, so whoever reaches it can publish, read, and acknowledge messages that no table has", c.Listen)
	}
	return found
}

// openToOthers reports whether others than a file's owner and group can read it, or
// others than its owner can change it. A file that cannot be looked at fails elsewhere.
func openToOthers(file string) (mode os.FileMode, open bool) {
	if file == "" || runtime.GOOS == "windows" {
		return 0, false
	}
	info, err := os.Stat(file)
	if err != nil {
		return 0, false
	}
	mode = info.Mode().Perm()
	return mode, mode&0o037 != 0
}
