// Command natsd is a nats-server with JetStream for tests that kill it. It
// prints "ready" once it takes clients, and shuts down when its standard input
// ends: so it never outlives the test, however that ends.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

func main() {
	port := flag.Int("port", 0, "client port on 127.0.0.1")
	store := flag.String("store", "", "store folder")
	syncAlways := flag.Bool("sync", false, "fsync before each publish is acknowledged")
	flag.Parse()
	if err := run(*port, *store, *syncAlways); err != nil {
		fmt.Fprintln(os.Stderr, "natsd:", err)
		os.Exit(1)
	}
}

func run(port int, store string, syncAlways bool) error {
	srv, err := server.NewServer(&server.Options{
		Host: "127.0.0.1", Port: port, JetStream: true, StoreDir: store, SyncAlways: syncAlways,
		NoLog: true, NoSigs: true,
	})
	if err != nil {
		return err
	}
	go srv.Start()
	const timeout = 2 * time.Minute
	if !srv.ReadyForConnections(timeout) || !srv.JetStreamEnabled() {
		return fmt.Errorf("not ready within %v", timeout)
	}
	if _, err := fmt.Println("ready"); err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, os.Stdin); err != nil {
		return err
	}
	srv.Shutdown()
	srv.WaitForShutdown()
	return nil
}
