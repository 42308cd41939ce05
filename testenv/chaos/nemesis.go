//go:build unix

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/pst-bridge/pst-bridge/testenv/lanceref"
)

// torment carries the schedule out, and returns when all of it is healed.
func (w *world) torment() {
	began := time.Now()
	for _, e := range w.s.Events {
		select {
		case <-time.After(time.Until(began.Add(e.At))):
		case <-w.h.ctx.Done():
			return
		}
		w.strike(e)
	}
	<-time.After(time.Until(began.Add(w.s.Duration)))
	w.healing.Wait()
}

// strike does one fault; what lasts is healed by itself.
func (w *world) strike(e Event) {
	sl := w.slots[e.Worker%len(w.slots)]
	switch e.Fault {
	case killWorker:
		sl.signal(syscall.SIGKILL)
	case drainWorker:
		sl.signal(syscall.SIGTERM)
	case failpoint:
		sl.mu.Lock()
		sl.next = fmt.Sprintf("%s=kill@%d", e.Moment, e.Hit)
		sl.mu.Unlock()
		sl.signal(syscall.SIGTERM)
	case pauseWorker:
		p := sl.process()
		p.Signal(syscall.SIGSTOP)
		w.figures.add(func() { w.figures.Pauses++ })
		w.later(e.For, func() { p.Signal(syscall.SIGCONT) })
	case cutWorker:
		sl.part(true)
		w.figures.add(func() { w.figures.Partitions++ })
		w.later(e.For, func() { sl.part(false) })
	case breakStorage:
		w.breakStorage(e)
	case killServer:
		w.one.Kill()
		w.figures.add(func() { w.figures.ServerKills++ })
		<-time.After(e.For / 4)
		w.one.Restart()
	case stepDown:
		w.stepDown()
	case stopNode:
		n := w.cluster.Nodes[e.Node]
		n.Stop()
		w.figures.add(func() { w.figures.ServerKills++ })
		<-time.After(e.For / 2)
		n.Restart()
		w.cluster.AwaitCurrent("PERSISTING")
	case cutNode:
		w.cutNode(e)
	case foreign:
		w.foreign(e.Operation)
	}
}

// cutNode parts a node from the other two. What else is done to that node meanwhile
// may end it earlier.
func (w *world) cutNode(e Event) {
	n := w.cluster.Nodes[e.Node]
	w.figures.add(func() { w.figures.NodePartitions++ })
	join := func() { w.cluster.Join(n) }
	switch e.Operation {
	case apart:
		w.cluster.Part(n)
	case deaf:
		w.cluster.Deafen(n)
	case silent:
		w.cluster.Silence(n)
	case flap:
		w.healing.Go(func() {
			tick := time.NewTicker(e.For / 10)
			defer tick.Stop()
			for range 5 {
				w.cluster.Part(n)
				<-tick.C
				join()
				<-tick.C
			}
		})
		return
	}
	w.later(e.For, join)
}

// later heals after a while.
func (w *world) later(wait time.Duration, heal func()) {
	w.healing.Go(func() {
		<-time.After(wait)
		heal()
	})
}

// breakStorage puts a file in the place of a folder of the table. A table that is not
// there yet, or broken already, is left alone.
func (w *world) breakStorage(e Event) {
	dir := filepath.Join(w.storage, topic+".lance", []string{"data", "_transactions"}[e.Node%2])
	if os.Rename(dir, dir+".away") != nil {
		return
	}
	file, err := os.OpenFile(dir, os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		// A worker was faster and made the folder anew: what is in both is one folder's.
		w.mend(dir)
		return
	}
	_ = file.Close()
	w.figures.add(func() { w.figures.StorageFails++ })
	w.later(e.For, func() {
		if err := os.Remove(dir); err != nil {
			w.h.Errorf("mend storage: %v", err)
		}
		w.mend(dir)
	})
}

// mend puts a folder back. Workers may have made one in its place meanwhile.
func (w *world) mend(dir string) {
	if os.Rename(dir+".away", dir) == nil {
		return
	}
	entries, err := os.ReadDir(dir)
	for _, f := range entries {
		if err = os.Rename(filepath.Join(dir, f.Name()), filepath.Join(dir+".away", f.Name())); err != nil {
			break
		}
	}
	if err == nil {
		err = os.Remove(dir)
	}
	if err == nil {
		err = os.Rename(dir+".away", dir)
	}
	if err != nil {
		w.h.Errorf("mend storage: %v", err)
	}
}

func (w *world) stepDown() {
	nc := w.js.Conn()
	if _, err := nc.Request("$JS.API.STREAM.LEADER.STEPDOWN.PERSISTING", nil, 2*time.Second); err == nil {
		w.figures.add(func() { w.figures.LeaderChanges++ })
	}
	if _, err := nc.Request("$JS.API.CONSUMER.LEADER.STEPDOWN.PERSISTING."+durable, nil, 2*time.Second); err == nil {
		w.figures.add(func() { w.figures.LeaderChanges++ })
	}
}

// foreignWriter is the reference at work on the table.
type foreignWriter struct {
	table *lanceref.Table
	n     int
}

// foreign does one operation of the reference. One that fails, because it lost a race
// or the storage is broken, is counted and nothing else.
func (w *world) foreign(operation string) {
	if w.ref == nil {
		w.ref = &foreignWriter{table: lanceref.Start(w.h).Table(filepath.Join(w.storage, topic+".lance"))}
	}
	err := w.ref.do(operation)
	w.figures.add(func() {
		if err != nil {
			w.figures.ForeignFailed++
			w.h.Logf("foreign %s: %.200s", operation, strings.ReplaceAll(err.Error(), "\n", " "))
			return
		}
		w.figures.Foreign++
	})
}

func (f *foreignWriter) do(operation string) error {
	f.n++
	switch operation {
	case "append":
		schema := arrow.NewSchema([]arrow.Field{{Name: "c", Type: arrow.PrimitiveTypes.Int64, Nullable: true}}, nil)
		b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
		defer b.Release()
		b.Field(0).(*array.Int64Builder).Append(int64(-f.n))
		rec := b.NewRecord()
		defer rec.Release()
		_, err := f.table.Append(schema, rec)
		return err
	case "compact":
		_, err := f.table.Compact(lanceref.CompactOptions{})
		return err
	case "index":
		_, err := f.table.CreateScalarIndex("c", "BTREE")
		return err
	case "optimize":
		_, err := f.table.OptimizeIndices()
		return err
	case "tag":
		return f.table.Tag(fmt.Sprintf("tag%d", f.n))
	case "cleanup":
		_, err := f.table.CleanupOldVersions(time.Second, lanceref.KeepUnverified)
		return err
	case "add-column":
		_, err := f.table.AddColumns(map[string]string{fmt.Sprintf("foreign%d", f.n): "c * 2"})
		return err
	case "config":
		v := fmt.Sprint(f.n)
		_, err := f.table.UpdateConfig(map[string]*string{"foreign": &v})
		return err
	}
	return fmt.Errorf("no operation %q", operation)
}
