package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// workerPatience is how long a worker of the demo may take to drain.
const workerPatience = 30 * time.Second

// demoBatch is the batch size of the demo's workers: small, so that there are
// commits enough for one to be killed between.
const demoBatch = "4000"

// worker is a child process that runs "pst-bridge run". It is used by one goroutine.
type worker struct {
	name  string
	cmd   *exec.Cmd
	stdin io.Closer // its end tells the child to drain, also when this process dies
	log   *os.File
	done  chan struct{} // closed when the child has ended
	err   error         // of the child, valid once done
}

// startWorker starts a worker on a server and a storage directory. Its log goes to logDir.
func startWorker(ctx context.Context, name, server, storage, logDir string) (*worker, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program: %w", err)
	}
	log, err := os.Create(filepath.Join(logDir, name+".log"))
	if err != nil {
		return nil, fmt.Errorf("make a log for %s: %w", name, err)
	}
	cmd := exec.CommandContext(context.WithoutCancel(ctx), self, "run", "--with-stdin", // kill and drain end it
		"--server", server, "--storage", storage, "--topics", demoTopic, "--batch-size", demoBatch, "--http=")
	cmd.Env = workerEnvironment(os.Environ())
	cmd.Stderr = log
	stdin, err := cmd.StdinPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start %s: %w", name, err), log.Close())
	}
	w := &worker{name: name, cmd: cmd, stdin: stdin, log: log, done: make(chan struct{})}
	go func() {
		defer close(w.done)
		w.err = cmd.Wait()
	}()
	return w, nil
}

// workerEnvironment is env without what would lead a worker away from the demo.
func workerEnvironment(env []string) []string {
	var kept []string
	for _, e := range env {
		if !strings.HasPrefix(e, "NATS_") && !strings.HasPrefix(e, "PST_") {
			kept = append(kept, e)
		}
	}
	return kept
}

// kill ends the worker as a crash would, and waits for its end.
func (w *worker) kill() {
	_ = w.cmd.Process.Kill() // an error means that it has ended
	<-w.done
	w.release()
}

// drain lets the worker finish what it holds. The error says how it failed.
func (w *worker) drain() error {
	defer w.release()
	_ = w.stdin.Close() // an error means that it has ended
	select {
	case <-w.done:
	case <-time.After(workerPatience):
		_ = w.cmd.Process.Kill() // as above
		<-w.done
		return fmt.Errorf("%s did not drain within %v; see %s", w.name, workerPatience, w.log.Name())
	}
	return w.failure()
}

// failure says how an ended worker failed, with the last line of its log.
func (w *worker) failure() error {
	if w.err == nil {
		return nil
	}
	text, err := os.ReadFile(w.log.Name())
	if err != nil {
		return fmt.Errorf("%s ended: %w", w.name, w.err)
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	return fmt.Errorf("%s ended: %w; %s; see %s", w.name, w.err, lines[len(lines)-1], w.log.Name())
}

// release closes what the parent holds of the worker.
func (w *worker) release() {
	_ = w.stdin.Close() // closed already if the worker was drained
	_ = w.log.Close()   // the child wrote it, through a descriptor of its own
}
