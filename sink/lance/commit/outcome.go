package commit

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/pst-bridge/pst-bridge/sink/lance/corrupt"
	"github.com/pst-bridge/pst-bridge/sink/lance/manifest"
	"github.com/pst-bridge/pst-bridge/sink/lance/objstore"
)

// maxPuts bounds how often the same bytes are put while the outcome is unknown.
const maxPuts = 4

// outcome is what is known of a put.
type outcome uint8

const (
	failed  outcome = iota // nothing was published, and trying again would not help
	won                    // published, durable
	lost                   // nothing was published, because the table has changed
	unknown                // reading has to tell
)

// put publishes a draft and says what became of it. The error explains failed and
// unknown.
func (l *Log) put(ctx context.Context, d *draft) (outcome, error) {
	err := l.store.PutIfAbsent(ctx, d.next.Entry().Key, d.data, func(ctx context.Context) error { return l.lastLook(ctx, d) })
	switch {
	case err == nil:
		return won, nil
	case errors.Is(err, objstore.ErrNotApplied) && errors.Is(err, errBaseMoved):
		return lost, nil
	case errors.Is(err, objstore.ErrNoObject): // no version will ever get in its place
		return failed, corrupt.Errorf(d.next.Entry().Key, "name", -1, "%w: remove it", objstore.ErrNoObject)
	case errors.Is(err, objstore.ErrNotApplied):
		return failed, err
	case errors.Is(err, objstore.ErrExist):
		return lost, nil
	}
	return unknown, err
}

// resolve finds out by reading what became of a put of unknown outcome, and puts
// the same bytes again while nothing took their place. From here on "taken" may
// mean taken by ourselves, and nothing is deleted.
func (l *Log) resolve(ctx context.Context, p Planner, d *draft, cause error) (*manifest.Manifest, error) {
	version := d.next.Version()
	for puts := 1; ; puts++ {
		l.o.Events.unknown(version, cause)
		verdict, err := l.read(ctx, p, d)
		if err != nil {
			return nil, fmt.Errorf("%w: version %d: %w: %w", ErrUnknownOutcome, version, cause, err)
		}
		switch verdict {
		case won:
			return l.readBack(ctx, p, d.base, d)
		case lost:
			l.o.Events.conflict(version)
			return nil, nil
		case unknown, failed: // failed comes with an error
		}
		if puts == maxPuts {
			return nil, fmt.Errorf("%w: version %d is absent after %d puts: %w", ErrUnknownOutcome, version, puts, cause)
		}
		if err := pause(ctx, puts); err != nil {
			return nil, fmt.Errorf("%w: version %d: %w: %w", ErrUnknownOutcome, version, cause, err)
		}
		again, err := l.put(ctx, d)
		switch again {
		case won:
			l.won(d)
			return l.readBack(ctx, p, d.base, d)
		case lost, unknown:
			// Taken, or the base moved, or again no answer: read once more.
			cause = errors.Join(err, cause)
		default:
			return nil, fmt.Errorf("%w: version %d: %w: %w", ErrUnknownOutcome, version, cause, err)
		}
	}
}

// read judges a put of unknown outcome by what is in the table. unknown means: not
// there, and its place is free.
func (l *Log) read(ctx context.Context, p Planner, d *draft) (outcome, error) {
	head, err := l.Head(ctx)
	if err != nil && !errors.Is(err, ErrNoTable) {
		return failed, err
	}
	version := d.next.Version()
	// The base itself may hold a part of what the planner wants, and says nothing.
	if head != nil && head.Version() > d.base.version() {
		landing, err := p.Landed(ctx, head)
		switch {
		case err != nil:
			return failed, err
		case landing == LandedWhole:
			return won, nil
		case landing == LandedPart:
			return lost, nil
		}
	}
	switch stands, err := l.stands(ctx, d); {
	case err != nil:
		return failed, err
	case stands:
		return won, nil // published by us, though the head lacks it: the read-back says why
	case head != nil && head.Version() >= version:
		return lost, nil
	}
	if head == nil && d.base.Manifest != nil {
		return failed, fmt.Errorf("%w: it has no version any more", ErrTableReplaced)
	}
	return unknown, nil
}

// stands reports whether the version of a draft is there with exactly its bytes.
func (l *Log) stands(ctx context.Context, d *draft) (bool, error) {
	data, _, err := manifest.ReadBytes(ctx, l.store, d.next.Entry().Key)
	if errors.Is(err, objstore.ErrNotExist) {
		return false, nil
	}
	return err == nil && bytes.Equal(data, d.data), err
}
