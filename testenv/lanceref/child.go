package lanceref

import (
	"bufio"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"time"
)

//go:embed lanceref.py
var script string

// stderrTail is how much of a dead child's last words an error carries.
const stderrTail = 4 << 10

// Error is an exception of the reference.
type Error struct {
	Op    string // the request
	Kind  string // the exception's class, such as OSError or PanicException
	Text  string // its message
	Trace string // the Python traceback
}

// Error returns the message and the traceback.
func (e *Error) Error() string {
	return fmt.Sprintf("reference %s: %s: %s\n%s", e.Op, e.Kind, e.Text, e.Trace)
}

// child is the Python process. One request is on the way at a time: the lock is
// held across the exchange because the pipe has no other way to pair a reply.
type child struct {
	mu struct {
		sync.Mutex
		dead error // set once the pipe is out of step
	}
	cmd      *exec.Cmd
	stderr   *os.File
	requests *os.File
	replies  *os.File
	lines    *bufio.Reader
}

// spawn starts the interpreter. Its standard error goes to a file, not a pipe,
// so that os/exec needs no copying goroutine.
func spawn(python string) (*child, error) {
	stderr, err := os.CreateTemp("", "lanceref-*.log")
	if err != nil {
		return nil, fmt.Errorf("start reference: %w", err)
	}
	inRead, inWrite, err := os.Pipe()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start reference: %w", err), discard(stderr))
	}
	outRead, outWrite, err := os.Pipe()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start reference: %w", err), discard(stderr), inRead.Close(), inWrite.Close())
	}
	cmd := exec.Command(python, "-c", script)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = inRead, outWrite, stderr
	// Tests of several packages run beside each other on few cores.
	cmd.Env = append(os.Environ(), "LANCE_CPU_THREADS=2", "PYTHONUNBUFFERED=1")
	err = cmd.Start()
	err = errors.Join(err, inRead.Close(), outWrite.Close())
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start reference: %w", err), discard(stderr), inWrite.Close(), outRead.Close())
	}
	return &child{cmd: cmd, stderr: stderr, requests: inWrite, replies: outRead, lines: bufio.NewReader(outRead)}, nil
}

// discard closes and removes a temporary file.
func discard(f *os.File) error {
	return errors.Join(f.Close(), os.Remove(f.Name()))
}

// call sends one request and decodes the result of its reply into result, which
// may be nil. It may be called by many goroutines. After a missed deadline the
// child is killed, since its next reply would answer the wrong question.
func (c *child) call(op string, args map[string]any, deadline time.Time, result any) error {
	line, err := json.Marshal(map[string]any{"op": op, "args": args})
	if err != nil {
		return fmt.Errorf("reference %s: encode request: %w", op, err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.mu.dead != nil {
		return fmt.Errorf("reference %s: %w", op, c.mu.dead)
	}
	reply, err := c.exchange(append(line, '\n'), deadline)
	if err != nil {
		kill := c.cmd.Process.Kill()
		c.mu.dead = fmt.Errorf("the process ended early during %s: %w", op, errors.Join(err, ignoreDone(kill)))
		return fmt.Errorf("reference %s: %w\n%s", op, c.mu.dead, c.lastWords())
	}
	var r struct {
		Result             json.RawMessage
		Error, Kind, Trace string
	}
	if err := json.Unmarshal(reply, &r); err != nil {
		return fmt.Errorf("reference %s: decode reply %.200q: %w", op, reply, err)
	}
	if r.Kind != "" {
		return &Error{Op: op, Kind: r.Kind, Text: r.Error, Trace: r.Trace}
	}
	if result == nil {
		return nil
	}
	if err := json.Unmarshal(r.Result, result); err != nil {
		return fmt.Errorf("reference %s: decode result %.200q: %w", op, r.Result, err)
	}
	return nil
}

func (c *child) exchange(request []byte, deadline time.Time) ([]byte, error) {
	if err := c.requests.SetWriteDeadline(deadline); err != nil {
		return nil, fmt.Errorf("send request: %w", err)
	}
	if _, err := c.requests.Write(request); err != nil {
		return nil, fmt.Errorf("send request: %w", err)
	}
	if err := c.replies.SetReadDeadline(deadline); err != nil {
		return nil, fmt.Errorf("read reply: %w", err)
	}
	reply, err := c.lines.ReadBytes('\n')
	if err != nil {
		return nil, fmt.Errorf("read reply: %w", err)
	}
	return reply, nil
}

// lastWords returns the end of the child's standard error.
func (c *child) lastWords() string {
	size, err := c.stderr.Seek(0, io.SeekEnd)
	if err != nil {
		return err.Error()
	}
	tail := make([]byte, min(size, stderrTail))
	if _, err := c.stderr.ReadAt(tail, size-int64(len(tail))); err != nil {
		return err.Error()
	}
	return string(tail)
}

// close ends the child by end of file and waits for it.
func (c *child) close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	broken := c.mu.dead != nil
	c.mu.dead = errors.New("the process was closed")
	err := c.requests.Close()
	wait := c.cmd.Wait()
	if broken {
		wait = nil // it was killed, and whoever asked has been told
	}
	return errors.Join(err, wait, c.replies.Close(), discard(c.stderr))
}

func ignoreDone(err error) error {
	if errors.Is(err, os.ErrProcessDone) {
		return nil
	}
	return err
}

// alive tells whether the pipe is still in step.
func (c *child) alive() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.mu.dead == nil
}
