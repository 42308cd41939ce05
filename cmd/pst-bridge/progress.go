package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/cwriter"
	"github.com/vbauerster/mpb/v8/decor"
)

// plainEvery is how often a bar prints a line where there is no terminal.
const plainEvery = 2 * time.Second

// progress shows how far one or more counts have come: as bars on a terminal, as
// an occasional line elsewhere. Its bars are each used by one goroutine.
type progress struct {
	bars *mpb.Progress // nil: no terminal
	out  io.Writer
}

// newProgress makes a progress display: bars on w if it is a terminal, else lines on plain.
func newProgress(w, plain io.Writer) *progress {
	p := &progress{out: plain}
	if f, ok := w.(*os.File); ok && cwriter.IsTerminal(int(f.Fd())) {
		p.bars = mpb.New(mpb.WithOutput(w), mpb.WithWidth(48), mpb.WithRefreshRate(150*time.Millisecond))
	}
	return p
}

// close draws the bars a last time. Bars that are not complete stay as they are.
func (p *progress) close() {
	if p.bars != nil {
		p.bars.Shutdown()
	}
}

// bar is one count on its way to total. A total of 0 is not known beforehand.
type bar struct {
	name    string
	total   int64
	bar     *mpb.Bar
	out     io.Writer
	started time.Time
	printed time.Time
	shown   int64
}

// add adds a bar. total 0 means unknown.
func (p *progress) add(name string, total int64) *bar {
	now := time.Now()
	b := &bar{name: name, total: total, out: p.out, started: now, printed: now}
	if p.bars == nil {
		return b
	}
	left := mpb.PrependDecorators(decor.Name(name, decor.WCSyncSpaceR), decor.CountersNoUnit("%d / %d", decor.WCSyncSpace))
	right := mpb.AppendDecorators(decor.Percentage(decor.WC{W: 5}))
	if total == 0 {
		left = mpb.PrependDecorators(decor.Name(name, decor.WCSyncSpaceR), decor.CurrentNoUnit("%d", decor.WCSyncSpace))
		b.bar = p.bars.New(0, mpb.SpinnerStyle(), left)
		return b
	}
	b.bar = p.bars.AddBar(total, left, right)
	return b
}

// set shows n.
func (b *bar) set(n int64) {
	if b.bar != nil {
		b.bar.SetCurrent(n)
		return
	}
	finished := b.total > 0 && n >= b.total
	if n == b.shown || (!finished && time.Since(b.printed) < plainEvery) {
		return
	}
	b.printed, b.shown = time.Now(), n
	if b.total > 0 {
		fmt.Fprintf(b.out, "%s %d / %d\n", b.name, n, b.total)
		return
	}
	fmt.Fprintf(b.out, "%s %d\n", b.name, n)
}
