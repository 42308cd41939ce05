package commit

import "errors"

var (
	// ErrNoTable is returned where the directory holds no version at all.
	ErrNoTable = errors.New("no table")
	// ErrNoVersion is returned for a version that is not there: not yet, or cleaned up.
	ErrNoVersion = errors.New("no such version")
	// ErrNoTransaction is returned for a version whose transaction cannot be found:
	// neither inside its manifest nor in the file that it names.
	ErrNoTransaction = errors.New("no transaction recorded")
	// ErrRolledBack is returned by Commit when our version was published, and then a
	// Restore or Overwrite took it back.
	ErrRolledBack = errors.New("rolled back by a later restore or overwrite")
	// ErrTableReplaced is returned by Commit when the table it read is not the one it
	// wrote to: dropped, moved or made anew in between.
	ErrTableReplaced = errors.New("table was replaced")
	// ErrStaleFile is returned by Commit when a data file of the proposal is gone, or
	// is not as long as it was. Nothing was published.
	ErrStaleFile = errors.New("staged data file is gone")
	// ErrConflict is returned where another writer's commit, which the error names by
	// version and operation, leaves no way to do what was asked. Nothing was published.
	ErrConflict = errors.New("conflicting commit")
	// ErrUnknownOutcome is returned by Commit when a version may or may not have been
	// published and reading could not tell. Commit again: the planner's own record in
	// the table decides.
	ErrUnknownOutcome = errors.New("outcome of the commit is unknown")
)
