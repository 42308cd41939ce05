package sink

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/google/uuid"

	"github.com/pst-bridge/pst-bridge/sink/lance/objstore"
	"github.com/pst-bridge/pst-bridge/sink/ledger"
)

const (
	// trialsDir holds one object per trial under way, in the table's directory.
	trialsDir = "_pst/trials/"
	// maxTrialBytes bounds what is read of one: it lists sequences of one pull.
	maxTrialBytes = 1 << 20
)

// trial is what an object below trialsDir says.
type trial struct {
	Stream    string   `json:"stream"`
	Sequences []uint64 `json:"sequences"`
}

// BeginTrial notes, durably, that this process is about to work on messages that may
// be its end. What is found of a trial afterwards, by FailedTrials, tells that a
// process died over it. It may be called concurrently, like EndTrial.
func (s *Sink) BeginTrial(ctx context.Context, seqs []uint64) (id string, err error) {
	if _, err := s.table(ctx, true); err != nil {
		return "", err
	}
	data, err := json.Marshal(trial{Stream: s.id.Stream, Sequences: seqs})
	if err != nil {
		return "", fmt.Errorf("begin trial: %w", err)
	}
	id = uuid.NewString()
	w, err := s.store().Create(ctx, trialsDir+id)
	if err == nil {
		if _, err = w.Write(data); err != nil {
			err = errors.Join(err, w.Abort())
		} else {
			err = w.Finish(ctx)
		}
	}
	s.mu.Lock()
	s.mu.trials[id] = err != nil // what failed half-way is removed with the next
	s.mu.Unlock()
	if err != nil {
		return "", fmt.Errorf("begin trial in %s: %w", s.dir, err)
	}
	return id, nil
}

// EndTrial notes that the messages of a trial did no harm. Where the note cannot be
// removed, it is tried again with the next, and by Close.
func (s *Sink) EndTrial(ctx context.Context, id string) {
	s.mu.Lock()
	s.mu.trials[id] = true
	var over []string
	for id, done := range s.mu.trials {
		if done {
			over = append(over, id)
		}
	}
	s.mu.Unlock()
	for _, id := range over {
		err := s.store().Remove(ctx, trialsDir+id)
		if err == nil || errors.Is(err, objstore.ErrNotExist) {
			s.mu.Lock()
			delete(s.mu.trials, id)
			s.mu.Unlock()
		}
	}
}

// endTrials ends all trials of this process: it lives.
func (s *Sink) endTrials(ctx context.Context) {
	s.mu.Lock()
	ids := make([]string, 0, len(s.mu.trials))
	for id := range s.mu.trials {
		ids = append(ids, id)
	}
	s.mu.Unlock()
	for _, id := range ids {
		s.EndTrial(ctx, id)
	}
}

// FailedTrials returns, for each sequence, over how many trials a process died. Trials
// of which the ledger holds all messages by now are forgotten; a dead letter that may be
// unpublished can come again and is not held yet. A trial that a living peer has under
// way counts as well: it cannot be told from a dead one.
func (s *Sink) FailedTrials(ctx context.Context) (map[uint64]int, error) {
	failed := map[uint64]int{}
	if store := s.store(); store != nil {
		for info, err := range store.List(ctx, trialsDir) {
			if err != nil {
				return nil, fmt.Errorf("list trials of %s: %w", s.dir, err)
			}
			t, err := readTrial(ctx, store, info)
			if errors.Is(err, objstore.ErrNotExist) {
				continue // ended meanwhile
			}
			if err != nil {
				return nil, err
			}
			if t.Stream != s.id.Stream || s.own(info.Key[len(trialsDir):]) {
				continue
			}
			if s.settled(t.Sequences) {
				_ = store.Remove(ctx, info.Key) // it comes up again if it could not be removed
				continue
			}
			for _, seq := range t.Sequences {
				failed[seq]++
			}
		}
	}
	return failed, nil
}

func readTrial(ctx context.Context, store objstore.Store, info objstore.Info) (t trial, err error) {
	if info.Size > maxTrialBytes {
		return t, fmt.Errorf("trial %s has %d bytes: remove it", info.Key, info.Size)
	}
	o, err := store.Open(ctx, info.Key)
	if err != nil {
		return t, fmt.Errorf("read trial: %w", err)
	}
	data, err := io.ReadAll(io.NewSectionReader(o, 0, info.Size))
	if err = errors.Join(err, o.Close()); err != nil {
		return t, fmt.Errorf("read trial %s: %w", info.Key, err)
	}
	// One that was cut short by a crash was never begun.
	_ = json.Unmarshal(data, &t)
	return t, nil
}

func (s *Sink) own(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, ok := s.mu.trials[id]
	return ok
}

// settled reports whether the ledger, as last seen, holds all of seqs.
func (s *Sink) settled(seqs []uint64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, seq := range seqs {
		if s.mu.entry == nil || s.mu.entry.Status(seq) != ledger.Held {
			return false
		}
	}
	return true
}
