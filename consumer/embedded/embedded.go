// Package embedded runs a NATS server with JetStream inside this process. The
// server's store folder is held by an exclusive lock, so that two processes
// cannot write to it.
package embedded

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

const (
	// DefaultHost keeps the server to this machine.
	DefaultHost = "127.0.0.1"
	// FreePort lets the system choose a port.
	FreePort = -1

	startTimeout = 20 * time.Second // a large store is scanned at start
	lameDuck     = 100 * time.Millisecond
)

// Config says where the server keeps its store and where it listens. Only
// StoreDir is needed.
type Config struct {
	StoreDir string // made if missing; locked while the server runs
	Host     string // empty: DefaultHost
	Port     int    // 0 or FreePort: a free one
	NoListen bool   // only connections from this process

	SyncAlways   bool          // fsync before a publish is acknowledged
	SyncInterval time.Duration // 0: the server's own (2 min)
	Domain       string        // JetStream domain
	Name         string        // server name; empty: a random one
	MaxStore     int64         // bytes of all streams; 0: the server's own choice

	// NoSublistCache switches off the server's cache of subjects, which every
	// acknowledgement floods because each has a subject of its own. Faster for a
	// server that mostly serves a bridge (docs: performance).
	NoSublistCache bool

	Log *slog.Logger // nil: the server's log is dropped
}

// Server is a running server. It is safe for concurrent use.
type Server struct {
	srv  *server.Server
	lock *lockFile
	once sync.Once
	err  error // of the shutdown
}

// Start locks the store folder and starts the server; it returns once clients
// are taken. *HeldError says that another process has the store. The caller
// calls Shutdown.
func Start(cfg Config) (*Server, error) {
	if cfg.StoreDir == "" {
		return nil, errors.New("start embedded NATS server: no store folder given")
	}
	dir, err := filepath.Abs(cfg.StoreDir)
	if err != nil {
		return nil, fmt.Errorf("start embedded NATS server: %w", err)
	}
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return nil, fmt.Errorf("make JetStream store: %w", err)
	}
	lock, err := acquire(dir)
	if err != nil {
		var held *HeldError
		if errors.As(err, &held) {
			return nil, held
		}
		return nil, fmt.Errorf("start embedded NATS server on %s: %w", dir, err)
	}
	srv, err := run(cfg, dir)
	if err == nil {
		s := &Server{srv: srv, lock: lock}
		if err = lock.describe(s.ClientURL()); err == nil {
			return s, nil
		}
		srv.Shutdown()
		srv.WaitForShutdown()
	}
	return nil, errors.Join(fmt.Errorf("start embedded NATS server on %s: %w", dir, err), lock.release())
}

func run(cfg Config, dir string) (*server.Server, error) {
	opts := &server.Options{
		ServerName: cfg.Name, Host: cfg.Host, Port: cfg.Port, DontListen: cfg.NoListen,
		JetStream: true, StoreDir: dir, JetStreamDomain: cfg.Domain, JetStreamMaxStore: cfg.MaxStore,
		SyncAlways: cfg.SyncAlways, SyncInterval: cfg.SyncInterval, NoSublistCache: cfg.NoSublistCache,
		NoSigs: true, LameDuckDuration: lameDuck, LameDuckGracePeriod: -lameDuck,
	}
	if opts.Host == "" {
		opts.Host = DefaultHost
	}
	if opts.Port == 0 {
		opts.Port = FreePort
	}
	if err := canListen(opts); err != nil {
		return nil, err
	}
	srv, err := server.NewServer(opts)
	if err != nil {
		return nil, err
	}
	log := cfg.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	fatal := make(chan string, 1)
	srv.SetLoggerV2(logger{log, fatal}, log.Enabled(context.Background(), slog.LevelDebug), false, false)
	go srv.Start()
	if err := awaitReady(srv, fatal); err != nil {
		srv.Shutdown()
		srv.WaitForShutdown()
		return nil, err
	}
	return srv, nil
}

// awaitReady returns once clients are taken and JetStream runs.
func awaitReady(srv *server.Server, fatal <-chan string) error {
	for end := time.Now().Add(startTimeout); time.Now().Before(end); {
		ready := srv.ReadyForConnections(50 * time.Millisecond)
		select {
		case msg := <-fatal:
			return errors.New(msg)
		default:
		}
		if ready && srv.JetStreamEnabled() {
			return nil
		}
	}
	return fmt.Errorf("not ready within %v", startTimeout)
}

// canListen tells a taken port at once; the server itself would only log it.
func canListen(opts *server.Options) error {
	if opts.DontListen || opts.Port == FreePort {
		return nil
	}
	var lc net.ListenConfig
	l, err := lc.Listen(context.Background(), "tcp", net.JoinHostPort(opts.Host, fmt.Sprint(opts.Port)))
	if err != nil {
		return fmt.Errorf("%w; stop what listens there, or choose another port with --listen", err)
	}
	return l.Close()
}

// ClientURL returns where clients connect; empty with NoListen.
func (s *Server) ClientURL() string {
	if s.srv.Addr() == nil {
		return ""
	}
	return s.srv.ClientURL()
}

// InProcessConn opens a connection that does not leave the process.
func (s *Server) InProcessConn() (net.Conn, error) { return s.srv.InProcessConn() }

// Shutdown closes all connections, writes the store out, waits until the server
// has ended, and releases the store folder. It is idempotent.
func (s *Server) Shutdown() error {
	s.once.Do(func() {
		s.srv.Shutdown()
		s.srv.WaitForShutdown()
		s.err = s.lock.release()
	})
	return s.err
}
