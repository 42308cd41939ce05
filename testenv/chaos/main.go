//go:build unix

// Command chaos torments real workers and servers by a seeded schedule, and holds what
// the tables hold against what the publishers were promised:
//
//	go run ./testenv/chaos -seed 1 -profile r1 -duration 60s
//	go run ./testenv/chaos -seeds 10 -profile foreign -retention limits
//	go run ./testenv/chaos -replay /tmp/pst-chaos/1/schedule.json
//
// Profiles: r1, one server that is killed; r3, three nodes whose leaders change and
// that are parted from each other; foreign, the reference writes to the same table. In all of them workers are killed,
// at chosen moments too, paused for longer than the ack wait, cut off, drained, and
// their storage fails. The schedule is saved before a run begins. Exit code 1: a
// message was lost, was there twice, or the run proves nothing.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/pst-bridge/pst-bridge/testenv/lanceref"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := start(ctx)
	stop()
	os.Exit(code)
}

func start(ctx context.Context) int {
	seed := flag.Uint64("seed", 1, "first seed")
	seeds := flag.Int("seeds", 1, "how many seeds, one after the other")
	profile := flag.String("profile", "r1", "r1, r3, foreign, or several separated by commas, in turn")
	retention := flag.String("retention", "both", "work-queue, limits, or both in turn")
	workers := flag.Int("workers", 3, "workers at once")
	duration := flag.Duration("duration", time.Minute, "how long each seed torments")
	dir := flag.String("dir", filepath.Join(os.TempDir(), "pst-chaos"), "folder for schedules and, of failed runs, tables and stores")
	replay := flag.String("replay", "", "run this schedule instead")
	flag.Parse()
	if *replay != "" {
		s, err := load(*replay)
		if err != nil {
			fmt.Fprintln(os.Stderr, "chaos:", err)
			return 2
		}
		return verdict([]result{run(ctx, s, *dir)})
	}
	retentions := []string{*retention}
	if *retention == "both" {
		retentions = []string{"work-queue", "limits"}
	}
	profiles := strings.Split(*profile, ",")
	var results []result
	for i := range *seeds {
		s, err := draw(*seed+uint64(i), profiles[i%len(profiles)], retentions[(i/len(profiles))%len(retentions)], *workers, *duration)
		if err != nil {
			fmt.Fprintln(os.Stderr, "chaos:", err)
			return 2
		}
		results = append(results, run(ctx, s, *dir))
		if ctx.Err() != nil {
			break
		}
	}
	return verdict(results)
}

// result is what became of one schedule.
type result struct {
	schedule *Schedule
	figures  *figures
	failure  string // the first thing that was wrong
	took     time.Duration
}

// run carries a schedule out in a folder of its own, which is removed if all was well.
func run(ctx context.Context, s *Schedule, dir string) (res result) {
	began := time.Now()
	dir = filepath.Join(dir, fmt.Sprintf("%s-%s-%d", s.Profile, s.Retention, s.Seed))
	res = result{schedule: s, figures: &figures{}}
	if err := os.RemoveAll(dir); err == nil {
		err = os.MkdirAll(dir, 0o750)
		if err == nil {
			err = s.save(filepath.Join(dir, "schedule.json"))
		}
		if err != nil {
			res.failure = err.Error()
			return res
		}
	}
	log, err := os.Create(filepath.Join(dir, "log.txt"))
	if err != nil {
		res.failure = err.Error()
		return res
	}
	h := &harness{dir: dir, out: log, ctx: ctx}
	defer func() {
		if f := recover(); f != nil {
			if _, ours := f.(failure); !ours {
				panic(f)
			}
		}
		h.clean()
		res.failure, res.took = h.first, time.Since(began)
		_ = log.Close()
		res.print()
		if res.failure == "" {
			_ = os.RemoveAll(dir)
		}
	}()
	if s.Profile == "foreign" {
		adopt(h, filepath.Join(dir, "data", topic+".lance"))
	}
	w := build(h, s)
	defer w.abandon()
	res.figures = &w.figures
	quiet, hush := context.WithCancel(ctx)
	defer hush()
	truth := make(chan *history, 1)
	go func() { truth <- w.publish(quiet) }()
	w.torment()
	hush()
	known := <-truth
	w.settle()
	w.check(known)
	return res
}

// adopt has the reference make the table, so that it may append to it.
func adopt(h *harness, path string) {
	schema := arrow.NewSchema([]arrow.Field{{Name: "c", Type: arrow.PrimitiveTypes.Int64, Nullable: true}}, nil)
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	defer b.Release()
	b.Field(0).(*array.Int64Builder).Append(-1)
	rec := b.NewRecord()
	defer rec.Release()
	if _, err := lanceref.Start(h).Table(path).Create(lanceref.WriteOptions{}, schema, rec); err != nil {
		h.Fatal(err)
	}
}

// print writes the run's line.
func (r *result) print() {
	state := "ok"
	if r.failure != "" {
		state = "FAILED: " + r.failure
	}
	fmt.Printf("%s %s seed %d: %v; %v; %s\n", r.schedule.Profile, r.schedule.Retention, r.schedule.Seed, r.figures, r.took.Round(time.Second), state)
}

// verdict sums up, and is the exit code.
func verdict(results []result) int {
	sum := &figures{Kills: map[string]int{}}
	failed := 0
	for _, r := range results {
		if r.failure != "" {
			failed++
		}
		sum.plus(r.figures)
	}
	fmt.Printf("%d seeds, %d failed: %v; killed at %v\n", len(results), failed, sum, sum.Kills)
	if sum.Duplicates == 0 || sum.Conflicts == 0 || sum.Unknown == 0 {
		fmt.Println("no duplicate was dropped, no commit conflicted, or no put had an unknown outcome: this proves nothing")
		return 1
	}
	if failed > 0 {
		return 1
	}
	return 0
}
