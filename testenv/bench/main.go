// Command bench measures the bridge against the raw speed of JetStream: in one
// process, on one server and one stream, it fetches and acknowledges everything
// without a sink, then moves the same messages into a table, again and again in
// pairs, and prints the ratio of each pair and the median.
//
//	go run ./testenv/bench -pairs 7
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"slices"
	"time"

	"github.com/pst-bridge/pst-bridge/consumer"
	"github.com/pst-bridge/pst-bridge/consumer/embedded"
	"github.com/pst-bridge/pst-bridge/testenv/figures"
)

// options of a run.
type options struct {
	messages, pairs int
	payload         string
	compression     string
	dir             string
	profile         string
}

func main() {
	var o options
	flag.IntVar(&o.messages, "messages", 250_000, "messages per measurement")
	flag.IntVar(&o.pairs, "pairs", 7, "pairs of measurements")
	flag.StringVar(&o.payload, "payload", "rows", "rows (one of 170 B a message), lines (1,000 of them a message) or vectors (128-d)")
	flag.StringVar(&o.compression, "compression", "none", "of the pages: none, zstd or lz4")
	flag.StringVar(&o.dir, "dir", "", "where to keep the stream and the tables; default a temporary directory")
	flag.StringVar(&o.profile, "cpuprofile", "", "write a CPU profile to this file")
	flag.Parse()
	if err := run(context.Background(), o); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o options) (err error) {
	payloads, perMessage := rows(1), 1
	switch o.payload {
	case "rows":
	case "lines":
		payloads, perMessage = lines(payloads, 1000), 1000
	case "vectors":
		payloads = vectors(1)
	default:
		return fmt.Errorf("unknown payload %q", o.payload)
	}
	if o.dir == "" {
		if o.dir, err = os.MkdirTemp("", "pst-bench-"); err != nil {
			return err
		}
		defer os.RemoveAll(o.dir) //nolint:errcheck // a temporary directory
	}
	server, err := embedded.Start(embedded.Config{StoreDir: filepath.Join(o.dir, "nats")})
	if err != nil {
		return err
	}
	defer server.Shutdown() //nolint:errcheck // nothing is kept
	conn, err := consumer.Connect(ctx, consumer.Config{InProcess: server, Instance: "bench"})
	if err != nil {
		return err
	}
	defer conn.Close()
	stream, err := conn.EnsureStream(ctx, consumer.StreamConfig{Provision: true, Retention: consumer.Limits})
	if err != nil {
		return err
	}
	bytes, err := fill(ctx, conn, stream.Subject(topic), payloads, o.messages)
	if err != nil {
		return err
	}
	fmt.Printf("%s, %d cores, server in this process, file storage, limits retention; pages %s\n", runtime.Version(), runtime.NumCPU(), o.compression)
	fmt.Printf("%d messages of %d rows and %d bytes on average\n", o.messages, perMessage, bytes/o.messages)
	return measure(ctx, o, conn, stream, perMessage)
}

func measure(ctx context.Context, o options, conn *consumer.Conn, stream *consumer.Stream, perMessage int) (err error) {
	var raws, bridges, ratios []float64
	stopProfile, err := figures.CPUProfile(o.profile) // goroutines of bridge runs carry the label run=bridge
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stopProfile()) }()
	for i := range o.pairs {
		raw, err := rawRun(ctx, conn, stream, fmt.Sprintf("raw-%d", i), o.messages)
		if err != nil {
			return fmt.Errorf("raw: %w", err)
		}
		var through time.Duration
		pprof.Do(ctx, pprof.Labels("run", "bridge"), func(ctx context.Context) {
			through, err = bridgeRun(ctx, o, conn, stream, i)
		})
		if err != nil {
			return fmt.Errorf("bridge: %w", err)
		}
		rate := func(d time.Duration) float64 { return float64(o.messages) / d.Seconds() }
		raws, bridges = append(raws, rate(raw)), append(bridges, rate(through))
		ratios = append(ratios, raw.Seconds()/through.Seconds())
		fmt.Printf("pair %d: raw %8.0f msg/s, bridge %8.0f msg/s (%.0f rows/s), ratio %.2f\n",
			i+1, rate(raw), rate(through), rate(through)*float64(perMessage), ratios[i])
	}
	fmt.Printf("median: raw %.0f msg/s, bridge %.0f msg/s, ratio %.2f [%.2f..%.2f]\n",
		figures.Median(raws), figures.Median(bridges), figures.Median(ratios), slices.Min(ratios), slices.Max(ratios))
	return nil
}
