//go:build unix

package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"syscall"

	"github.com/pst-bridge/pst-bridge/testenv/runner"
)

// figures are what a run amounts to.
type figures struct {
	mu sync.Mutex

	Published, Rows, DeadLetters    int
	Commits, Duplicates, Conflicts  int
	Kills                           map[string]int // by failpoint, and SIGKILLs
	ServerKills, LeaderChanges      int
	Partitions, NodePartitions      int // of workers, and of nodes
	Pauses, StorageFails            int
	Unknown                         int // puts of unknown outcome
	Retries, Foreign, ForeignFailed int
	Versions                        int
	Lost, Twice, Strange, Wrong     int
}

// add counts under the lock.
func (f *figures) add(count func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	count()
}

// plus adds another run's.
func (f *figures) plus(g *figures) {
	for _, sum := range []struct{ to, from *int }{
		{&f.Published, &g.Published},
		{&f.Rows, &g.Rows},
		{&f.DeadLetters, &g.DeadLetters},
		{&f.Commits, &g.Commits},
		{&f.Duplicates, &g.Duplicates},
		{&f.Conflicts, &g.Conflicts},
		{&f.ServerKills, &g.ServerKills},
		{&f.LeaderChanges, &g.LeaderChanges},
		{&f.Partitions, &g.Partitions},
		{&f.NodePartitions, &g.NodePartitions},
		{&f.Pauses, &g.Pauses},
		{&f.StorageFails, &g.StorageFails},
		{&f.Unknown, &g.Unknown},
		{&f.Retries, &g.Retries},
		{&f.Foreign, &g.Foreign},
		{&f.ForeignFailed, &g.ForeignFailed},
		{&f.Versions, &g.Versions},
		{&f.Lost, &g.Lost},
		{&f.Twice, &g.Twice},
		{&f.Strange, &g.Strange},
		{&f.Wrong, &g.Wrong},
	} {
		*sum.to += *sum.from
	}
	for m, n := range g.Kills {
		f.Kills[m] += n
	}
}

func (f *figures) String() string {
	kills := 0
	for _, n := range f.Kills {
		kills += n
	}
	return fmt.Sprintf("%d messages, %d rows, %d dead letters; %d worker kills, %d server kills, %d leader changes, %d partitions of workers and %d of nodes, %d pauses, %d storage failures; "+
		"%d commits, %d conflicts, %d duplicates dropped, %d retries, %d puts of unknown outcome, %d foreign operations; %d versions; lost %d, twice %d, strange %d, wrong %d",
		f.Published, f.Rows, f.DeadLetters, kills, f.ServerKills, f.LeaderChanges, f.Partitions, f.NodePartitions, f.Pauses, f.StorageFails,
		f.Commits, f.Conflicts, f.Duplicates, f.Retries, f.Unknown, f.Foreign, f.Versions, f.Lost, f.Twice, f.Strange, f.Wrong)
}

// worker reads the log of a worker that ended.
func (f *figures) worker(h *harness, number int, p *runner.Process) {
	f.mu.Lock()
	defer f.mu.Unlock()
	hit := false
	for _, line := range p.Stderr().Lines() {
		if moment, ok := strings.CutPrefix(line, "failpoint "); ok {
			moment, _, _ = strings.Cut(moment, " ")
			f.Kills[moment]++
			hit = true
			continue
		}
		if strings.HasPrefix(line, "panic:") || strings.HasPrefix(line, "fatal error:") {
			h.Errorf("worker %d: %s", number, line)
		}
		var entry struct {
			Msg, Reason, Error string
			Duplicates         int
		}
		if json.Unmarshal([]byte(line), &entry) != nil {
			continue
		}
		switch {
		case entry.Msg == "committed":
			f.Commits++
			f.Duplicates += entry.Duplicates
		case strings.HasPrefix(entry.Msg, "another writer"):
			f.Conflicts++
		case strings.HasPrefix(entry.Msg, "the storage cannot say"):
			f.Unknown++
		case strings.HasPrefix(entry.Msg, "the storage fails"):
			f.Retries++
		case entry.Msg == "topic stopped":
			h.Errorf("worker %d stopped the topic: %s: %s", number, entry.Reason, entry.Error)
		}
	}
	select {
	case <-p.Done():
		if exit := p.Kill(); exit.Signal == syscall.SIGKILL && !hit {
			f.Kills["SIGKILL"]++
		}
	default:
	}
}
