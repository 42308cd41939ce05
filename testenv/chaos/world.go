//go:build unix

package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/pst-bridge/pst-bridge/testenv/natsenv"
	"github.com/pst-bridge/pst-bridge/testenv/runner"
)

const (
	topic    = "chaos"
	durable  = "pst-bridge-chaos"
	ackWait  = 2 * time.Second
	patience = 2 * time.Minute
	// answerWait is how long a publisher waits before it publishes again: a leader that
	// hands over may take a question with it.
	answerWait = 3 * time.Second
)

// world is what a run has running.
type world struct {
	h       *harness
	s       *Schedule
	one     *natsenv.Process // r1 and foreign
	cluster *natsenv.Cluster // r3
	js      jetstream.JetStream
	urls    []string // of the servers
	storage string
	slots   []*slot
	ref     *foreignWriter
	figures figures

	healing  sync.WaitGroup
	stopping chan struct{} // closed when workers are not to be replaced any more
	stop     func()        // closes it
}

// slot is where a worker runs; when it dies another one takes its place.
type slot struct {
	w     *world
	links []*natsenv.Link // to each server

	mu   sync.Mutex
	proc *runner.Process
	next string // failpoints of the next worker
	done chan struct{}
}

// build starts servers, makes the stream, and starts the workers.
func build(h *harness, s *Schedule) *world {
	w := &world{h: h, s: s, storage: filepath.Join(h.dir, "data"), stopping: make(chan struct{})}
	w.stop = sync.OnceFunc(func() { close(w.stopping) })
	w.figures.Kills = map[string]int{}
	if s.Profile == "r3" {
		w.cluster = natsenv.StartCluster(h)
		for _, n := range w.cluster.Nodes {
			w.urls = append(w.urls, n.URL())
		}
	} else {
		w.one = natsenv.StartProcess(h)
		w.urls = []string{w.one.URL()}
	}
	js, err := jetstream.New(natsenv.Dial(h, strings.Join(w.urls, ",")), jetstream.WithPublishAsyncTimeout(answerWait))
	if err != nil {
		h.Fatal(err)
	}
	w.js = js
	w.provision()
	for i := range s.Workers {
		sl := &slot{w: w, done: make(chan struct{})}
		for _, u := range w.urls {
			target, err := url.Parse(u)
			if err != nil {
				h.Fatal(err)
			}
			sl.links = append(sl.links, natsenv.StartLink(h, target.Host))
		}
		w.slots = append(w.slots, sl)
		sl.start()
		go sl.supervise(i)
	}
	return w
}

func (w *world) provision() {
	replicas, retention := 1, jetstream.WorkQueuePolicy
	if w.cluster != nil {
		replicas = 3
	}
	if w.s.Retention == "limits" {
		retention = jetstream.LimitsPolicy
	}
	w.ask("create the stream", func(ctx context.Context) error {
		_, err := w.js.CreateStream(ctx, jetstream.StreamConfig{
			Name: "PERSISTING", Subjects: []string{"persisting.>"}, Retention: retention, Replicas: replicas,
			Storage: jetstream.FileStorage, Discard: jetstream.DiscardNew, AllowDirect: true, Duplicates: time.Hour,
		})
		return err
	})
	w.ask("create the consumer", func(ctx context.Context) error {
		_, err := w.js.CreateConsumer(ctx, "PERSISTING", jetstream.ConsumerConfig{
			Durable: durable, FilterSubject: "persisting." + topic, AckPolicy: jetstream.AckExplicitPolicy,
			AckWait: ackWait, MaxDeliver: -1, MaxAckPending: 200_000,
			Metadata: map[string]string{"pst.max_workers": "8", "pst.topic": topic},
		})
		return err
	})
}

// ask repeats a question to the servers until one answers: a leader that hands over may
// take one with it, and a cluster without one answers 503.
func (w *world) ask(what string, question func(context.Context) error) {
	ctx, cancel := context.WithTimeout(w.h.ctx, patience)
	defer cancel()
	for {
		once, done := context.WithTimeout(ctx, answerWait)
		err := question(once)
		if err == nil {
			done()
			return
		}
		var answer *jetstream.APIError
		leaderless := errors.As(err, &answer) && answer.Code == 503 || errors.Is(err, nats.ErrNoResponders)
		if ctx.Err() != nil || !leaderless && !errors.Is(err, context.DeadlineExceeded) {
			w.h.Fatalf("%s: %v", what, err)
		}
		<-once.Done()
		done()
	}
}

// start runs a worker in the slot.
func (sl *slot) start() {
	var servers []string
	for _, l := range sl.links {
		servers = append(servers, l.URL())
	}
	sl.mu.Lock()
	defer sl.mu.Unlock()
	sl.proc = runner.Start(sl.w.h, runner.Config{
		Path: runner.Build(sl.w.h, runner.Bridge, "failpoint"),
		Args: []string{
			"run", "--server", strings.Join(servers, ","), "--storage", sl.w.storage, "--topics", topic, "--http", "",
			"--batch-size", "500", "--flush-interval", "100ms", "--log-format", "json", "--log-level", "debug",
		},
		Env: []string{"PST_FP=" + sl.next, "PST_PUTS=" + strconv.Itoa(sl.w.s.Puts)},
	})
	sl.next = ""
}

// supervise replaces the slot's worker whenever it ends.
func (sl *slot) supervise(number int) {
	defer close(sl.done)
	for {
		p := sl.process()
		<-p.Done()
		sl.w.figures.worker(sl.w.h, number, p)
		select {
		case <-sl.w.stopping:
			return
		case <-time.After(100 * time.Millisecond):
			sl.start()
		}
	}
}

func (sl *slot) process() *runner.Process {
	sl.mu.Lock()
	defer sl.mu.Unlock()
	return sl.proc
}

// signal sends a signal to the slot's worker; one that has ended is left alone.
func (sl *slot) signal(sig syscall.Signal) { sl.process().Signal(sig) }

// part cuts the slot's worker off from the servers, or ends that.
func (sl *slot) part(cut bool) {
	for _, l := range sl.links {
		if cut {
			l.Part()
		} else {
			l.Join()
		}
	}
}

// settle waits until everything published is acknowledged, then drains the workers.
func (w *world) settle() {
	ctx, cancel := context.WithTimeout(w.h.ctx, patience)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	last := "no answer"
	for {
		once, done := context.WithTimeout(ctx, answerWait)
		c, err := w.js.Consumer(once, "PERSISTING", durable)
		done()
		if err == nil {
			info := c.CachedInfo()
			if info.NumPending == 0 && info.NumAckPending == 0 {
				break
			}
			last = fmt.Sprintf("%d pending, %d not acknowledged", info.NumPending, info.NumAckPending)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			w.h.Fatalf("after the faults the workers did not finish: %s", last)
		}
	}
	w.stop()
	for i, sl := range w.slots {
		sl.end(i)
	}
}

// abandon ends the workers that are left where a run fails, and waits until none is
// started any more.
func (w *world) abandon() {
	w.stop()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for _, sl := range w.slots {
		for ended := false; !ended; {
			sl.signal(syscall.SIGKILL)
			select {
			case <-sl.done:
				ended = true
			case <-tick.C:
			}
		}
	}
}

// end drains the slot's worker. One that had not come to run, because the servers could
// not answer at its start, may fail; its successor may be on its way.
func (sl *slot) end(number int) {
	for {
		p := sl.process()
		p.Signal(syscall.SIGTERM)
		exit := p.Wait(patience)
		log := p.Stderr().String()
		// One that drained already takes the signal for a second one.
		if exit.Code > 0 && strings.Contains(log, "draining") && !strings.Contains(log, "a second signal") {
			sl.w.h.Errorf("worker %d drained with exit code %d", number, exit.Code)
		}
		select {
		case <-sl.done:
			return
		case <-time.After(time.Second):
		}
	}
}
