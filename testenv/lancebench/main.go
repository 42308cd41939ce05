// Command lancebench measures this Lance library beside the reference, pylance:
// the same Arrow batches, the same disk and the same core, in turns. Each line
// is a piece of work, its speed on both sides, and the median of the ratios of
// pairs of runs, with the lowest and the highest.
//
//	taskset -c 0 go run ./testenv/lancebench -pairs 5
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"

	"github.com/pst-bridge/pst-bridge/testenv/figures"
)

// options of a run.
type options struct {
	rows, vectors, pairs int
	only                 string
	python, dir          string
	profile              string
}

func main() {
	var o options
	flag.IntVar(&o.rows, "rows", 1_000_000, "rows of the row workload")
	flag.IntVar(&o.vectors, "vectors", 200_000, "rows of the vector workload")
	flag.IntVar(&o.pairs, "pairs", 5, "pairs of runs")
	flag.StringVar(&o.only, "only", "", "measure only lines whose names contain this")
	flag.StringVar(&o.python, "python", ".venv/bin/python", "an interpreter that has pylance")
	flag.StringVar(&o.dir, "dir", "", "where to write; default a temporary directory")
	flag.StringVar(&o.profile, "cpuprofile", "", "write a CPU profile of our side to this file")
	flag.Parse()
	if err := run(context.Background(), o); err != nil {
		fmt.Fprintln(os.Stderr, "lancebench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o options) (err error) {
	if o.dir == "" {
		if o.dir, err = os.MkdirTemp("", "lancebench-"); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(o.dir)) }()
	}
	ref, err := startReference(o.python)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, ref.close()) }()
	v, err := ref.call("versions", nil)
	if err != nil {
		return err
	}
	fmt.Printf("%s, pylance %s, pyarrow %s, GOMAXPROCS %d, %s, %d pairs\n",
		runtime.Version(), v.Pylance, v.PyArrow, runtime.GOMAXPROCS(0), o.dir, o.pairs)
	fmt.Printf("%-34s %12s %12s %7s %17s %s\n", "", "ours rows/s", "pylance", "ratio", "lowest highest", "bytes ours / pylance")
	all, err := prepare(ctx, o, ref)
	if err != nil {
		return err
	}
	stop, err := figures.CPUProfile(o.profile)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop()) }()
	for _, w := range all {
		if strings.Contains(w.name, o.only) {
			if err := w.measure(o.pairs); err != nil {
				return fmt.Errorf("%s: %w", w.name, err)
			}
		}
	}
	return nil
}

// work is one line of the table.
type work struct {
	name         string
	rows         int
	ours, theirs func() (reply, error)
}

// measure runs both sides in turns, first once without the clock, and prints
// the line.
func (w work) measure(pairs int) error {
	var ratios, ours, theirs []float64
	var a, b reply
	for i := range pairs + 1 {
		var err error
		runtime.GC()
		if a, err = w.ours(); err != nil {
			return fmt.Errorf("ours: %w", err)
		}
		if b, err = w.theirs(); err != nil {
			return fmt.Errorf("pylance: %w", err)
		}
		if a.Rows != b.Rows {
			return fmt.Errorf("%d rows, pylance %d", a.Rows, b.Rows)
		}
		if i == 0 {
			continue
		}
		ours, theirs = append(ours, float64(w.rows)/a.Seconds), append(theirs, float64(w.rows)/b.Seconds)
		ratios = append(ratios, b.Seconds/a.Seconds)
	}
	size := ""
	if a.Bytes > 0 {
		size = fmt.Sprintf("%d / %d = %.3f", a.Bytes, b.Bytes, float64(a.Bytes)/float64(b.Bytes))
	}
	fmt.Printf("%-34s %12.0f %12.0f %7.2f %8.2f %8.2f %s\n", w.name, figures.Median(ours), figures.Median(theirs), figures.Median(ratios),
		slices.Min(ratios), slices.Max(ratios), size)
	return nil
}
