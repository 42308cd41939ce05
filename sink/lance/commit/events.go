package commit

// Events are optional functions called at named moments of a commit, from the
// goroutine that commits. They must not call back into the table. A nil Events, or
// a nil function, is passed over. Metrics count them; tests make them failpoints.
type Events struct {
	// FileFinished: a data file is durable; path is below data/. No version has it yet.
	FileFinished func(path string)
	// BeforePut: the manifest of version is durable under a temporary name; its
	// publication is the next thing to happen.
	BeforePut func(version uint64)
	// AfterPut: version was published, by what the store says. Not read back yet.
	AfterPut func(version uint64)
	// Conflict: version went to another writer, or may have; the planner is asked again.
	Conflict func(version uint64)
	// Unknown: the store could not say whether version was published.
	Unknown func(version uint64, err error)
	// ReadBack: the head, which is version, holds the proposal. Commit returns it next.
	ReadBack func(version uint64)
	// Orphaned: version was published, but the head does not hold it: it went into a
	// hole that a clean-up had made.
	Orphaned func(version uint64)
	// Leftover: the transaction file key of a lost commit could not be removed.
	Leftover func(key string, err error)
}

func (e *Events) beforePut(version uint64) {
	if e != nil && e.BeforePut != nil {
		e.BeforePut(version)
	}
}

func (e *Events) afterPut(version uint64) {
	if e != nil && e.AfterPut != nil {
		e.AfterPut(version)
	}
}

func (e *Events) conflict(version uint64) {
	if e != nil && e.Conflict != nil {
		e.Conflict(version)
	}
}

func (e *Events) unknown(version uint64, err error) {
	if e != nil && e.Unknown != nil {
		e.Unknown(version, err)
	}
}

func (e *Events) readBack(version uint64) {
	if e != nil && e.ReadBack != nil {
		e.ReadBack(version)
	}
}

func (e *Events) orphaned(version uint64) {
	if e != nil && e.Orphaned != nil {
		e.Orphaned(version)
	}
}

func (e *Events) leftover(key string, err error) {
	if e != nil && e.Leftover != nil {
		e.Leftover(key, err)
	}
}
