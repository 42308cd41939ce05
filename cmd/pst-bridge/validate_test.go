package main

import "testing"

// What cannot work is refused before anything is connected to, by run and by check
// alike: one line, exit code 2.
func TestConfigErrors(t *testing.T) {
	for _, c := range []struct{ arg, want string }{
		{"--unknown=1", "unknown flag"},
		{"--batch-size=-1", "batch size -1"},
		{"--batch-size=10000001", "10000000"},
		{"--batch-size=99999999999999999999", "--batch-size"},
		{"--batch-bytes=-1", "--batch-bytes"},
		{"--batch-bytes=1e30", "too large a size"},
		{"--memory=1", "at least 4 MiB"},
		{"--max-wal-size=-1", "--max-wal-size"},
		{"--flush-interval=-1s", "flush interval -1s"},
		{"--flush-interval=9999999999h", "--flush-interval"},
		{"--wal-sync-interval=-1s", "--wal-sync-interval"},
		{"--shutdown-timeout=-1s", "--shutdown-timeout"},
		{"--timeout=0s", "--timeout"},
		{"--timeout=-1s", "--timeout"},
		{"--topics=a,b,a", "\"a\" is named twice"},
		{"--topics=a,*", "wildcard"},
		{"--topics=a..b", "empty token"},
		{"--topics=,", "empty token"},
		{"--consumer=a.b", "--consumer"},
		{"--subject-prefix=a.*", "--subject-prefix"},
		{"--stream=a.b", "--stream"},
		{"--stream=", "--stream"},
		{"--http=8225", "HOST:PORT"},
		{"--server=://", "--server"},
		{"--server=nats://h:bad", "--server"},
		{"--server=http://h:4222", "nats://HOST:PORT"},
		{"--server=nats://a:1,nats://h:p%2@x", "--server"},
		{"--storage=", "storage"},
	} {
		for _, command := range []string{"run", "check"} {
			t.Run(command+c.arg, func(t *testing.T) {
				checkOneLine(t, runCLI(t, "", command, c.arg), exitUsage, c.want)
			})
		}
	}
}
