package localfs

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/pst-bridge/pst-bridge/sink/lance/internal/mutant"
)

// StepKind is a kind of change to a directory.
type StepKind uint8

// The kinds of steps. What one wrote survives a loss of power only after SyncedFile,
// and a name, made or removed, only after SyncedDir of its directory.
const (
	MadeFile   StepKind = iota + 1
	MadeDir             // Name is the new directory
	Wrote               // Data was appended
	SyncedFile          // all that was written is durable
	SyncedDir           // all names in it are as they are now
	Linked              // To is another name of the file
	Renamed             // To is the only name of the file
	Removed
)

// Step is one change that a store made, names being relative to the table.
type Step struct {
	Kind     StepKind
	Name, To string
	Data     []byte
}

// disk makes all changes to a table's directory, one call of the system each, and
// tells of those that went well.
type disk struct {
	*os.Root
	trace func(Step) // nil: nobody listens
}

func (d *disk) tell(s Step, err error) error {
	if err == nil && d.trace != nil {
		d.trace(s)
	}
	return err
}

// file is a new file that is written in order.
type file struct {
	*os.File
	disk *disk
	name string
}

func (d *disk) create(name string) (*file, error) {
	f, err := d.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return nil, err
	}
	return &file{f, d, name}, d.tell(Step{Kind: MadeFile, Name: name}, nil)
}

// Write implements io.Writer.
func (f *file) Write(p []byte) (int, error) {
	n, err := f.File.Write(p)
	if f.disk.trace != nil && n > 0 {
		f.disk.trace(Step{Kind: Wrote, Name: f.name, Data: bytes.Clone(p[:n])})
	}
	return n, err
}

// Sync makes the bytes of the file durable.
func (f *file) Sync() error {
	return f.disk.tell(Step{Kind: SyncedFile, Name: f.name}, f.File.Sync())
}

// syncFile makes the bytes of a file that others wrote durable.
func (d *disk) syncFile(name string) error {
	f, err := d.OpenFile(name, syncFlag, 0)
	if err != nil {
		return err
	}
	return d.tell(Step{Kind: SyncedFile, Name: name}, errors.Join(f.Sync(), f.Close()))
}

// syncDir makes the names in dir durable.
func (d *disk) syncDir(dir string) error {
	if !dirSync || mutant.On("no-directory-fsync") {
		return nil
	}
	f, err := d.Open(dir)
	if err != nil {
		return fmt.Errorf("sync directory: %w", err)
	}
	if err := d.tell(Step{Kind: SyncedDir, Name: dir}, errors.Join(f.Sync(), f.Close())); err != nil {
		return fmt.Errorf("sync directory %s: %w", dir, err)
	}
	return nil
}

// mkdir makes a directory unless it is there.
func (d *disk) mkdir(dir string) error {
	err := d.tell(Step{Kind: MadeDir, Name: dir}, d.Mkdir(dir, 0o777))
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	return err
}

func (d *disk) link(from, to string) error {
	return d.tell(Step{Kind: Linked, Name: from, To: to}, d.Link(from, to))
}

// rename overwrites what has the other name.
func (d *disk) rename(from, to string) error {
	return d.tell(Step{Kind: Renamed, Name: from, To: to}, d.Rename(from, to))
}

func (d *disk) remove(name string) error {
	return d.tell(Step{Kind: Removed, Name: name}, d.Remove(name))
}
