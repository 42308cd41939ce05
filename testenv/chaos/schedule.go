//go:build unix

package main

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"time"

	"github.com/pst-bridge/pst-bridge/bridge"
)

// failingPuts is how many of a hundred puts fail in a drawn schedule.
const failingPuts = 10

// The faults of a schedule.
const (
	killWorker   = "kill-worker"      // SIGKILL, and another one is started
	failpoint    = "failpoint"        // a worker is replaced by one that kills itself at Moment
	pauseWorker  = "pause-worker"     // SIGSTOP for For, then SIGCONT
	drainWorker  = "drain-worker"     // SIGTERM, and another one is started
	cutWorker    = "partition-worker" // the worker's connections to the servers are cut for For
	breakStorage = "break-storage"    // a folder of the table cannot be written for For
	killServer   = "kill-server"      // SIGKILL of the server, started again after For
	stepDown     = "step-down"        // the stream's leader hands over
	stopNode     = "stop-node"        // a node is stopped, and started again after For
	cutNode      = "partition-node"   // a node is parted from the other two for For, in the way Operation says
	foreign      = "foreign"          // the reference does Operation on the table
)

// Event is one fault at a time after the start.
type Event struct {
	At        time.Duration `json:"at"`
	Fault     string        `json:"fault"`
	Worker    int           `json:"worker,omitempty"`
	Node      int           `json:"node,omitempty"`
	For       time.Duration `json:"for,omitempty"`
	Moment    string        `json:"moment,omitempty"`
	Hit       int           `json:"hit,omitempty"`
	Operation string        `json:"operation,omitempty"`
}

// Schedule is a run's plan. It is drawn and saved before the run begins.
type Schedule struct {
	Seed      uint64        `json:"seed"`
	Profile   string        `json:"profile"`
	Retention string        `json:"retention"`
	Workers   int           `json:"workers"`
	Puts      int           `json:"puts"` // of a hundred puts so many fail; the outcome of most is unknown
	Duration  time.Duration `json:"duration"`
	Events    []Event       `json:"events"`
}

// faultsOf lists what can happen in a profile, as often as it should.
func faultsOf(profile string) ([]string, error) {
	common := []string{killWorker, killWorker, failpoint, failpoint, failpoint, pauseWorker, drainWorker, cutWorker, breakStorage}
	switch profile {
	case "r1":
		return append(common, killServer, killServer), nil
	case "r3":
		return append(common, stepDown, stepDown, stopNode, cutNode, cutNode), nil
	case "foreign":
		return append(common, foreign, foreign, foreign, foreign, foreign), nil
	}
	return nil, fmt.Errorf("profile %q: use r1, r3 or foreign", profile)
}

func moments() []bridge.Moment {
	return []bridge.Moment{
		bridge.MomentFetched, bridge.MomentSealed, bridge.MomentStaged, bridge.MomentBeforePut,
		bridge.MomentAfterPut, bridge.MomentCommitted, bridge.MomentAcking, bridge.MomentAcked, bridge.MomentDeadLetter,
	}
}

func operations() []string {
	return []string{"append", "compact", "index", "optimize", "tag", "cleanup", "add-column", "config"}
}

// The ways in which a node is parted from the others.
const (
	apart  = "both"   // no connection either way
	deaf   = "deaf"   // it does not hear the others, who hear it
	silent = "silent" // they do not hear it
	flap   = "flap"   // apart and together again, many times
)

// draw makes a schedule from a seed: bursts of one to three faults, a quarter of the
// time nothing.
func draw(seed uint64, profile, retention string, workers int, duration time.Duration) (*Schedule, error) {
	faults, err := faultsOf(profile)
	if err != nil {
		return nil, err
	}
	rng := rand.New(rand.NewPCG(seed, 1)) //nolint:gosec // a seeded plan is the point
	s := &Schedule{Seed: seed, Profile: profile, Retention: retention, Workers: workers, Duration: duration, Puts: failingPuts}
	for at := time.Second; at < duration; at += time.Duration(500+rng.IntN(1500)) * time.Millisecond {
		if rng.IntN(4) == 0 {
			continue // a quiet time
		}
		for range 1 + rng.IntN(3) {
			e := Event{
				At: at, Fault: faults[rng.IntN(len(faults))], Worker: rng.IntN(workers), Node: rng.IntN(3),
				For: time.Duration(200+rng.IntN(2800)) * time.Millisecond,
			}
			switch e.Fault {
			case failpoint:
				e.Moment, e.Hit = string(moments()[rng.IntN(len(moments()))]), 1+rng.IntN(3)
			case foreign:
				e.Operation = operations()[rng.IntN(len(operations()))]
			case cutNode:
				e.Operation = []string{apart, deaf, silent, flap}[rng.IntN(4)]
				if long := 6 * time.Second; rng.IntN(2) == 0 && at+2*long < duration {
					e.For += long // the others elect leaders after 4 to 9 s
				}
			case pauseWorker:
				e.For += 3 * time.Second // longer than the ack wait
			}
			s.Events = append(s.Events, e)
		}
	}
	slices.SortStableFunc(s.Events, func(a, b Event) int { return int(a.At - b.At) })
	return s, nil
}

func (s *Schedule) save(path string) error {
	data, err := json.MarshalIndent(s, "", "  ")
	if err == nil {
		err = os.WriteFile(path, data, 0o600)
	}
	return err
}

func load(path string) (*Schedule, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	s := &Schedule{}
	return s, json.Unmarshal(data, s)
}
