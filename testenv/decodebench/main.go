//go:build unix

// Command decodebench measures how fast payloads become Arrow records, with all checks
// on: CPU time of the process for each row, what the collector needs included. Each
// line is a form of the same rows; the lines take turns, and their medians are printed
// beside what the project aims at, with the lowest and the highest.
//
//	taskset -c 0 go run ./testenv/decodebench -rounds 9
package main

import (
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
	rows, rounds int
	only         string
	profile      string
}

func main() {
	var o options
	flag.IntVar(&o.rows, "rows", 500_000, "rows of one measurement")
	flag.IntVar(&o.rounds, "rounds", 9, "measurements of each line")
	flag.StringVar(&o.only, "only", "", "measure only lines whose names contain this")
	flag.StringVar(&o.profile, "cpuprofile", "", "write a CPU profile to this file")
	flag.Parse()
	if err := run(o); err != nil {
		fmt.Fprintln(os.Stderr, "decodebench:", err)
		os.Exit(1)
	}
}

func run(o options) (err error) {
	runtime.GOMAXPROCS(1)
	lines, err := prepare()
	if err != nil {
		return err
	}
	lines = slices.DeleteFunc(lines, func(l *line) bool { return !strings.Contains(l.name, o.only) })
	stop, err := figures.CPUProfile(o.profile)
	if err != nil {
		return err
	}
	for range o.rounds {
		for _, l := range lines {
			if err := l.measure(o.rows); err != nil {
				return fmt.Errorf("%s: %w", l.name, err)
			}
		}
	}
	if err := stop(); err != nil {
		return err
	}
	fmt.Printf("%s, one core, %d rows a batch, %d rounds of %d rows, load %s\n", runtime.Version(), distinct, o.rounds, o.rows, load())
	fmt.Printf("%-44s %6s %22s %8s %6s %16s\n", "", "B/row", "CPU ns/row", "Mrows/s", "aim", "allocs, KB/batch")
	for _, l := range lines {
		l.print()
	}
	return nil
}

// load is how much else the machine has to do: the mean of the last minute.
func load() string {
	p, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	return strings.Fields(string(p))[0]
}

func (l *line) print() {
	aim := ""
	if l.aim > 0 {
		aim = fmt.Sprintf("%.1f", l.aim)
	}
	ns := figures.Median(l.ns)
	fmt.Printf("%-44s %6.1f %7.0f [%4.0f .. %4.0f] %8.2f %6s %8.0f %7.0f\n", l.name, float64(len(l.payloads.bytes))/distinct,
		ns, slices.Min(l.ns), slices.Max(l.ns), 1e3/ns, aim, figures.Median(l.allocs), figures.Median(l.kilobytes))
}
