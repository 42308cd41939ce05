package runner

import (
	"bytes"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// maxTail bounds what a failed test logs of a stream.
const maxTail = 32 << 10

// Output collects what a process writes to one stream. It is safe for concurrent
// use.
type Output struct {
	mu struct {
		sync.Mutex
		buf    bytes.Buffer
		more   chan struct{} // closed and replaced whenever something was added
		closed bool
	}
}

func newOutput() *Output {
	o := &Output{}
	o.mu.more = make(chan struct{})
	return o
}

// Write implements io.Writer.
func (o *Output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	n, err := o.mu.buf.Write(p)
	close(o.mu.more)
	o.mu.more = make(chan struct{})
	return n, err
}

func (o *Output) close() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.mu.closed = true
	close(o.mu.more)
	o.mu.more = make(chan struct{})
}

// String returns all that was written so far.
func (o *Output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.mu.buf.String()
}

// Lines returns the complete lines written so far, without line ends.
func (o *Output) Lines() []string {
	s := o.String()
	end := strings.LastIndexByte(s, '\n')
	if end < 0 {
		return nil
	}
	return strings.Split(s[:end], "\n")
}

func (o *Output) tail() string {
	s := o.String()
	if len(s) > maxTail {
		s = "[...]" + s[len(s)-maxTail:]
	}
	return s
}

// WaitFor waits until the output matches pattern and returns the match with its
// groups. It fails the test when the stream ends, or timeout passes, without.
func (o *Output) WaitFor(t testing.TB, timeout time.Duration, pattern string) []string {
	t.Helper()
	re, err := regexp.Compile(pattern)
	if err != nil {
		t.Fatalf("pattern %q: %v", pattern, err)
	}
	timer := time.NewTimer(timeout)
	defer timer.Stop()
	for {
		o.mu.Lock()
		match := re.FindStringSubmatch(o.mu.buf.String())
		more, closed := o.mu.more, o.mu.closed
		o.mu.Unlock()
		if match != nil {
			return match
		}
		if closed {
			t.Fatalf("output ended without %q:\n%s", pattern, o.tail())
		}
		select {
		case <-more:
		case <-timer.C:
			t.Fatalf("no %q in the output within %v:\n%s", pattern, timeout, o.tail())
		}
	}
}
