package commit

import (
	"context"
	"errors"
	"fmt"

	"github.com/pst-bridge/pst-bridge/sink/lance/manifest"
	"github.com/pst-bridge/pst-bridge/sink/lance/objstore"
)

// readBack reads the head and returns it, durable, if it holds the proposal. d is
// the draft that was published, nil if there was nothing to put. It returns nil if
// the head lacks the proposal and the planner is to be asked again.
func (l *Log) readBack(ctx context.Context, p Planner, b base, d *draft) (*manifest.Manifest, error) {
	version := b.version()
	if d != nil {
		version = d.next.Version()
	}
	head, err := l.Head(ctx)
	if errors.Is(err, ErrNoTable) && version > 0 {
		return nil, fmt.Errorf("%w: version %d was there, now there is none", ErrTableReplaced, version)
	}
	if err != nil {
		return nil, fmt.Errorf("read back: %w", err)
	}
	if head.Version() < version {
		return nil, fmt.Errorf("%w: version %d was there, now the newest is %d", ErrTableReplaced, version, head.Version())
	}
	landing, err := p.Landed(ctx, head)
	if err != nil {
		return nil, fmt.Errorf("read back: %w", err)
	}
	if landing != LandedWhole {
		return nil, l.missed(ctx, version, d, head)
	}
	if d != nil && head.Version() == version {
		if err := l.checkPrevious(ctx, d); err != nil {
			return nil, err
		}
	}
	if err := l.ensureDurable(ctx, head); err != nil {
		return nil, err
	}
	l.o.Events.readBack(head.Version())
	return head, nil
}

// missed explains why the head lacks what version held. A Restore or Overwrite
// since then took it back on purpose: ErrRolledBack. Otherwise version is not in
// the chain that leads to the head: it went into a hole, or it is not ours at all.
func (l *Log) missed(ctx context.Context, version uint64, d *draft, head *manifest.Manifest) error {
	stands := true
	if d != nil {
		var err error
		if stands, err = l.stands(ctx, d); err != nil {
			return fmt.Errorf("read back: %w", err)
		}
	}
	if stands {
		undone, err := l.undone(ctx, version, head.Version())
		if err != nil {
			return fmt.Errorf("read back: %w", err)
		}
		if undone != 0 {
			return fmt.Errorf("%w: version %d, by version %d", ErrRolledBack, version, undone)
		}
		if head.Version() == version {
			return fmt.Errorf("read back: version %d is the head, but the planner does not find its proposal there", version)
		}
	}
	if d != nil {
		l.o.Events.orphaned(version)
	}
	return nil
}

// undone returns the first version after one and up to head that restored or
// overwrote the table; 0 if there is none. A version that is gone ends the search:
// a clean-up that takes it and leaves an older one standing shows that the older
// one was not there at the time, so it lies in a hole. One whose transaction is
// lost is passed over.
func (l *Log) undone(ctx context.Context, after, head uint64) (uint64, error) {
	for v := after + 1; v <= head; v++ {
		t, err := l.Transaction(ctx, v)
		switch {
		case errors.Is(err, ErrNoVersion):
			return 0, nil
		case errors.Is(err, ErrNoTransaction):
		case err != nil:
			return 0, err
		case t.Operation == OpRestore || t.Operation == OpOverwrite:
			return v, nil
		}
	}
	return 0, nil
}

// checkPrevious is called when the draft became the head. The version it was built
// upon was there just before the put; if it is gone now, or is another, the table
// may have been dropped and made anew in between, and the draft, which lists the
// old table's files, is the head of neither.
//
// One harmless thing looks alike: a clean-up that keeps only the newest version and
// ran right after the put. It removes no file that the newest version lists, so the
// files of the base tell the two apart: if all of them are there, it was a clean-up.
// Where the base had none, our own do, and that no version before ours is there.
func (l *Log) checkPrevious(ctx context.Context, d *draft) error {
	if d.base.Manifest == nil {
		return nil
	}
	previous, err := manifest.Stat(ctx, l.store, d.base.Entry().Key)
	switch {
	case errors.Is(err, objstore.ErrNotExist):
		return l.checkFiles(ctx, d)
	case err != nil:
		return fmt.Errorf("read back: %w", err)
	case sameObject(previous, d.base.Entry().Info):
		return nil
	}
	m, err := l.Version(ctx, d.base.version())
	if err != nil {
		return fmt.Errorf("read back: %w", err)
	}
	if !m.Time().Equal(d.base.Time()) || m.TransactionFile() != d.base.TransactionFile() {
		return fmt.Errorf("%w: version %d is not the one that version %d was built upon", ErrTableReplaced, m.Version(), d.next.Version())
	}
	return nil
}

// checkFiles judges by files whether the base of d went in a clean-up.
func (l *Log) checkFiles(ctx context.Context, d *draft) error {
	var files []string
	for i := range d.base.Fragments() {
		f, err := d.base.Fragment(i)
		if err != nil {
			return err
		}
		for _, file := range f.Files {
			if !file.External {
				files = append(files, dataDir+file.Path)
			}
		}
	}
	if len(files) == 0 {
		if err := l.checkAlone(ctx, d); err != nil {
			return err
		}
		files = d.files()
	}
	for _, key := range files {
		if _, err := manifest.Stat(ctx, l.store, key); errors.Is(err, objstore.ErrNotExist) {
			return fmt.Errorf("%w: version %d is gone, and so is %s", ErrTableReplaced, d.base.version(), key)
		} else if err != nil {
			return fmt.Errorf("read back: %w", err)
		}
	}
	if len(files) == 0 {
		return fmt.Errorf("%w: version %d is gone", ErrTableReplaced, d.base.version())
	}
	return nil
}

// checkAlone fails where a version before d is there.
func (l *Log) checkAlone(ctx context.Context, d *draft) error {
	for e, err := range manifest.Versions(ctx, l.store) {
		switch {
		case err != nil:
			return fmt.Errorf("read back: %w", err)
		case e.Version < d.next.Version():
			return fmt.Errorf("%w: version %d is gone, and version %d is there", ErrTableReplaced, d.base.version(), e.Version)
		}
	}
	return nil
}
