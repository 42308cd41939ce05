package commit

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/pst-bridge/pst-bridge/sink/lance/manifest"
	"github.com/pst-bridge/pst-bridge/sink/lance/objstore"
)

// maxBaseAge is how old a base may be when the version after it is published.
// Clean-ups keep versions for longer than that, so that a base this young cannot
// have been overtaken by a clean-up unnoticed.
const maxBaseAge = 30 * time.Second

// dataDir holds the data files of a table.
const dataDir = "data/"

// errBaseMoved calls a put off whose base is not what it was.
var errBaseMoved = errors.New("base version is gone, changed or too old")

// base is the head that a proposal was planned on, nil where there is no table, and
// when it was found to be the head.
type base struct {
	*manifest.Manifest
	at time.Time
}

// version returns the number of the base, 0 where there is no table.
func (b base) version() uint64 {
	if b.Manifest == nil {
		return 0
	}
	return b.Manifest.Version()
}

// draft is a version ready to be put.
type draft struct {
	base        base
	proposal    *Proposal
	next        *manifest.Manifest
	data        []byte // its bytes
	transaction string // key of its transaction file; empty if the table has none
}

// files are the keys of what was written for a draft beside its manifest.
func (d *draft) files() []string {
	var keys []string
	if d.transaction != "" {
		keys = append(keys, d.transaction)
	}
	for _, f := range d.proposal.Files {
		keys = append(keys, dataDir+f.Path)
	}
	return keys
}

// readBase returns the head, which must be one this library may build upon.
func (l *Log) readBase(ctx context.Context) (base, error) {
	b := base{at: l.o.Now()}
	head, err := l.Head(ctx)
	switch {
	case errors.Is(err, ErrNoTable):
		return b, nil
	case err != nil:
		return b, err
	}
	b.Manifest = head
	return b, head.Writable()
}

// aged reports whether the base was read too long ago by either clock. The
// monotonic clock stands still while a machine sleeps, the wall clock can be set
// back; both at once is not to be feared.
func (l *Log) aged(b base) bool {
	now := l.o.Now()
	return now.Sub(b.at) > maxBaseAge || now.Round(0).Sub(b.at.Round(0)) > maxBaseAge
}

// refresh looks again for the head if planning took long. same is false if it has
// become another, and there is nothing to build upon b.
func (l *Log) refresh(ctx context.Context, b base) (fresh base, same bool, err error) {
	if !l.aged(b) {
		return b, true, nil
	}
	fresh, err = l.readBase(ctx)
	return fresh, fresh.Manifest == b.Manifest, err
}

// prepare checks a proposal and builds its version. It writes nothing.
func (l *Log) prepare(b base, p *Proposal) (*draft, error) {
	if err := verify(p, b.Manifest); err != nil {
		return nil, err
	}
	if p.UUID == "" {
		p.UUID = newUUID()
	}
	change, err := l.changeOf(b, p)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", p.Operation, err)
	}
	if change.Transaction, err = encodeTransaction(p, b.version(), change); err != nil {
		return nil, err
	}
	d := &draft{base: b, proposal: p}
	if b.Manifest == nil || b.TransactionFiles() {
		change.TransactionFile = fmt.Sprintf("%d-%s.txn", b.version(), p.UUID)
		d.transaction = transactionsDir + change.TransactionFile
	}
	d.next, d.data, err = manifest.Next(b.Manifest, *change)
	return d, err
}

// changeOf says what a proposal does to a manifest.
func (l *Log) changeOf(b base, p *Proposal) (*manifest.Change, error) {
	change := &manifest.Change{
		Schema: p.Schema, SetConfig: p.SetConfig, Config: p.Metadata.Config, TableMetadata: p.Metadata.Table,
		Restore: p.Restore, Overwrite: p.Operation == OpOverwrite,
		Time: l.o.Now(), Library: l.o.Library, LibraryVersion: l.o.LibraryVersion,
	}
	var err error
	if p.Operation == OpDelete || p.Operation == OpMerge || p.Operation == OpProject && p.Reshape {
		change.Fragments, err = b.Edit(p.Edits, p.Schema)
		return change, err
	}
	for _, f := range p.Files {
		change.FileVersion = f.FileVersion()
		change.Append = append(change.Append, manifest.Fragment{PhysicalRows: f.Rows, Files: []manifest.DataFile{f.Entry()}})
	}
	if change.FileVersion == "" {
		change.FileVersion = l.o.FileVersion
	}
	return change, nil
}

// Entry is what a manifest says of the file.
func (f *DataFile) Entry() manifest.DataFile {
	return manifest.DataFile{
		Path: f.Path, Fields: f.Fields, Columns: f.Columns, Major: f.Major, Minor: f.Minor, Size: f.Size,
	}
}

// defaultFileVersion is what a table made without rows promises its files to have.
const defaultFileVersion = "2.1"

// writeTransaction makes the draft's transaction file, which is durable on return.
func (l *Log) writeTransaction(ctx context.Context, d *draft) error {
	if d.transaction == "" {
		return nil
	}
	w, err := l.store.Create(ctx, d.transaction)
	if err == nil {
		if _, err = w.Write(d.next.InlineTransaction()); err != nil {
			err = errors.Join(err, w.Abort())
		} else {
			err = w.Finish(ctx)
		}
	}
	if err != nil {
		return fmt.Errorf("write transaction file: %w", err)
	}
	return nil
}

// taken reports whether another writer has the draft's version already, which
// spares the fsyncs that would come to nothing.
func (l *Log) taken(ctx context.Context, d *draft) (bool, error) {
	_, err := manifest.Stat(ctx, l.store, d.next.Entry().Key)
	if errors.Is(err, objstore.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// lastLook is the last thing before the publication: what the version is built upon
// must still be there.
func (l *Log) lastLook(ctx context.Context, d *draft) error {
	if l.aged(d.base) {
		return errBaseMoved
	}
	if err := l.lookAtBase(ctx, d.base); err != nil {
		return err
	}
	for _, f := range d.proposal.Files {
		info, err := manifest.Stat(ctx, l.store, dataDir+f.Path)
		switch {
		case errors.Is(err, objstore.ErrNotExist):
			return fmt.Errorf("%s: %w: %w", f.Path, ErrStaleFile, err)
		case err != nil:
			return err
		case info.Size != int64(f.Size):
			return fmt.Errorf("%s has %d bytes, not %d: %w", f.Path, info.Size, f.Size, ErrStaleFile)
		}
	}
	for id, edit := range d.proposal.Edits {
		if edit.Deletion == nil {
			continue
		}
		if _, err := manifest.Stat(ctx, l.store, edit.Deletion.Key(id)); errors.Is(err, objstore.ErrNotExist) {
			return fmt.Errorf("%w: %w", ErrStaleFile, err)
		} else if err != nil {
			return err
		}
	}
	l.o.Events.beforePut(d.next.Version())
	return nil
}

func (l *Log) lookAtBase(ctx context.Context, b base) error {
	if b.Manifest == nil {
		// The first version of a table whose old ones were cleaned up would not be
		// its head.
		_, found, err := manifest.Newest(ctx, l.store)
		if err == nil && found {
			err = errBaseMoved
		}
		return err
	}
	info, err := manifest.Stat(ctx, l.store, b.Entry().Key)
	if errors.Is(err, objstore.ErrNotExist) || (err == nil && !sameObject(info, b.Entry().Info)) {
		return errBaseMoved
	}
	return err
}
