package main

import (
	"bufio"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
)

//go:embed lancebench.py
var script string

// reference is pylance in a process of its own, which inherits the cores that
// this one may use.
type reference struct {
	cmd   *exec.Cmd
	in    io.WriteCloser
	lines *bufio.Reader
}

// reply is what the reference says about one request.
type reply struct {
	Seconds float64
	Bytes   int64
	Rows    int64
	Pylance string
	PyArrow string
	Error   string
}

func startReference(python string) (*reference, error) {
	if _, err := os.Stat(python); err != nil {
		return nil, fmt.Errorf("no reference at %s; make venv: %w", filepath.Clean(python), err)
	}
	cmd := exec.Command(python, "-c", script)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("start reference: %w", err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("start reference: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start reference: %w", err)
	}
	return &reference{cmd: cmd, in: in, lines: bufio.NewReader(out)}, nil
}

// call sends a request and waits for the reply.
func (r *reference) call(op string, args map[string]any) (reply, error) {
	request := map[string]any{"op": op}
	for k, v := range args {
		request[k] = v
	}
	line, err := json.Marshal(request)
	if err != nil {
		return reply{}, fmt.Errorf("reference %s: %w", op, err)
	}
	if _, err := r.in.Write(append(line, '\n')); err != nil {
		return reply{}, fmt.Errorf("reference %s: %w", op, err)
	}
	answer, err := r.lines.ReadBytes('\n')
	if err != nil {
		return reply{}, fmt.Errorf("reference %s: %w", op, err)
	}
	var out reply
	if err := json.Unmarshal(answer, &out); err != nil {
		return reply{}, fmt.Errorf("reference %s: %w", op, err)
	}
	if out.Error != "" {
		return reply{}, fmt.Errorf("reference %s: %s", op, out.Error)
	}
	return out, nil
}

// close ends the process by ending its input.
func (r *reference) close() error {
	return errors.Join(r.in.Close(), r.cmd.Wait())
}
