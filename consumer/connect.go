package consumer

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/synadia-io/orbit.go/natscontext"
)

const (
	// DefaultConnectTimeout bounds the first connect, over all servers together:
	// a wrong address must be told within seconds.
	DefaultConnectTimeout = 4 * time.Second

	reconnectWait   = 500 * time.Millisecond
	reconnectJitter = time.Second
	pingInterval    = 10 * time.Second // a dead peer is found after two missed pings
	drainTimeout    = 5 * time.Second
)

// InProcess hands out connections to a server in this process; the server of
// package consumer/embedded is one.
type InProcess interface {
	InProcessConn() (net.Conn, error)
}

// Config says where JetStream is. The zero value is the server at
// nats.DefaultURL without credentials.
type Config struct {
	Servers     []string  // URLs, each may be several with commas; empty: nats.DefaultURL, or those of the context
	Context     string    // name or absolute file of a NATS context; empty: none
	Creds       string    // credentials file
	InProcess   InProcess // if set, Servers and Context are not used
	Instance    string    // the connection is named pst-bridge/<instance>
	InboxPrefix string    // empty: _INBOX
	Domain      string    // JetStream domain; empty: that of the context, or none
	APIPrefix   string    // JetStream API prefix; excludes Domain
	TLSFirst    bool      // the server waits for the TLS handshake before it says anything
	// AllowPlaintext lets password and token go to other machines without TLS, which
	// Connect refuses otherwise.
	AllowPlaintext bool

	Timeout time.Duration
	Options []nats.Option // applied last: TLS, user and password, tokens
	Events  ConnEvents
}

// ConnEvents are called on goroutines of the connection; each may be nil and
// none may block.
type ConnEvents struct {
	Disconnected func(err error)    // the connection is lost and being made again
	Reconnected  func(url string)   // without credentials
	LameDuck     func()             // the server asked its clients to go elsewhere
	Error        func(err error)    // asynchronous errors, permission violations among them
	Closed       func(reason error) // for good; nil after Conn.Close
}

// Conn is a connection to JetStream. It is safe for concurrent use.
type Conn struct {
	nc          *nats.Conn
	js          jetstream.JetStream
	api         string // API prefix with its trailing dot
	inboxPrefix string
	events      ConnEvents
	generation  atomic.Uint64 // counts reconnects

	mu struct {
		sync.Mutex
		watchers    map[*watcher]struct{}
		inboxDenied error // a subscription of ours was refused: replies never arrive
		closed      bool
	}
}

// Connect connects to the first server that answers, and afterwards reconnects
// without end. It fails within Config.Timeout and says what, where and what to
// do next.
func Connect(ctx context.Context, cfg Config) (*Conn, error) {
	if cfg.Domain != "" && cfg.APIPrefix != "" {
		return nil, errors.New("connect to NATS: a JetStream domain and an API prefix are both set; keep one")
	}
	cfg.Servers = splitURLs(cfg.Servers)
	c := &Conn{events: cfg.Events, inboxPrefix: nats.InboxPrefix}
	c.mu.watchers = map[*watcher]struct{}{}
	type dialled struct {
		nc  *nats.Conn
		set natscontext.Settings
		err error
	}
	done := make(chan dialled, 1) // one: the dial may outlive the caller
	go func() {
		nc, set, err := c.dial(cfg)
		done <- dialled{nc, set, err}
	}()
	var d dialled
	select {
	case d = <-done:
	case <-ctx.Done():
		go func() { // nats.go offers no way to abandon a dial; it ends by its timeout
			if d := <-done; d.nc != nil {
				d.nc.Close()
			}
		}()
		return nil, fmt.Errorf("connect to %s: %w", cfg.target(), context.Cause(ctx))
	}
	if d.err != nil {
		return nil, connectError(cfg, d.err)
	}
	if err := c.bind(cfg, d.nc, d.set); err != nil {
		d.nc.Close()
		return nil, err
	}
	return c, nil
}

// bind makes the JetStream handle over a fresh connection.
func (c *Conn) bind(cfg Config, nc *nats.Conn, set natscontext.Settings) error {
	domain, prefix := cfg.Domain, cfg.APIPrefix
	if domain == "" && prefix == "" {
		domain, prefix = set.JSDomain, set.JSAPIPrefix
	}
	c.nc = nc
	if p := nc.Opts.InboxPrefix; p != "" {
		c.inboxPrefix = p
	}
	if !strings.HasSuffix(c.inboxPrefix, ".") {
		c.inboxPrefix += "."
	}
	var err error
	switch {
	case domain != "":
		c.api = "$JS." + domain + ".API."
		c.js, err = jetstream.NewWithDomain(nc, domain)
	case prefix != "":
		c.api = strings.TrimSuffix(prefix, ".") + "."
		c.js, err = jetstream.NewWithAPIPrefix(nc, strings.TrimSuffix(prefix, "."))
	default:
		c.api = apiPrefix
		c.js, err = jetstream.New(nc)
	}
	if err != nil {
		return fmt.Errorf("set up JetStream (domain %q, API prefix %q): %w", domain, prefix, err)
	}
	return nil
}

func (c *Conn) dial(cfg Config) (*nats.Conn, natscontext.Settings, error) {
	timeout := cfg.Timeout
	if timeout <= 0 {
		timeout = DefaultConnectTimeout
	}
	timeout = max(timeout/time.Duration(max(len(cfg.Servers), 1)), 250*time.Millisecond)
	opts := []nats.Option{
		nats.Name("pst-bridge/" + cfg.Instance),
		nats.Timeout(timeout),
		nats.MaxReconnects(-1),
		nats.ReconnectWait(reconnectWait),
		nats.ReconnectJitter(reconnectJitter, reconnectJitter),
		nats.IgnoreAuthErrorAbort(), // credentials are rotated under a running bridge
		nats.PingInterval(pingInterval),
		nats.DrainTimeout(drainTimeout),
		nats.ErrorHandler(c.onError),
		nats.ClosedHandler(c.onClosed),
		nats.DisconnectErrHandler(c.onDisconnect),
		nats.ReconnectHandler(c.onReconnect),
		nats.LameDuckModeHandler(func(*nats.Conn) { fire(c.events.LameDuck) }),
	}
	if cfg.Creds != "" {
		opts = append(opts, nats.UserCredentials(cfg.Creds))
	}
	if cfg.InboxPrefix != "" {
		opts = append(opts, nats.CustomInboxPrefix(cfg.InboxPrefix))
	}
	if cfg.InProcess != nil {
		opts = append(opts, nats.InProcessServer(cfg.InProcess))
	} else if len(cfg.Servers) > 0 && cfg.Context != "" {
		opts = append(opts, servers(cfg.Servers))
	}
	if cfg.TLSFirst {
		opts = append(opts, nats.TLSHandshakeFirst())
	}
	opts = append(opts, cfg.Options...)
	opts = append(opts, checkServers)
	if !cfg.AllowPlaintext && cfg.InProcess == nil {
		opts = append(opts, protect)
	}
	if cfg.Context != "" && cfg.InProcess == nil {
		return natscontext.Connect(cfg.Context, opts...)
	}
	nc, err := nats.Connect(cfg.urls(), opts...)
	return nc, natscontext.Settings{}, err
}

// splitURLs takes lists with commas apart, as NATS_URL may be one.
func splitURLs(lists []string) []string {
	var urls []string
	for _, list := range lists {
		for u := range strings.SplitSeq(list, ",") {
			if u = strings.TrimSpace(u); u != "" {
				urls = append(urls, u)
			}
		}
	}
	return urls
}

// servers replaces the servers of a NATS context by those given explicitly.
func servers(urls []string) nats.Option {
	return func(o *nats.Options) error {
		o.Url, o.Servers = "", urls
		return nil
	}
}

// NATS returns the connection itself, for the command line and the client
// library. It is closed by Conn.Close.
func (c *Conn) NATS() *nats.Conn { return c.nc }

// JetStream returns the JetStream handle with the domain or prefix applied.
func (c *Conn) JetStream() jetstream.JetStream { return c.js }

// Connected reports whether the connection stands at this moment.
func (c *Conn) Connected() bool { return c.nc.IsConnected() }

// Server returns the URL of the server in use, without credentials.
func (c *Conn) Server() string { return withoutUser(c.nc.ConnectedUrl()) }

// Close sends what is buffered, as far as the server takes it within a second,
// and closes the connection. Calls that wait return ErrClosed.
func (c *Conn) Close() {
	if c.nc.IsConnected() {
		// An error means that the connection broke meanwhile. Nothing that needs
		// certainty relies on this: that is what Durable.Confirm is for.
		_ = c.nc.FlushTimeout(time.Second)
	}
	c.nc.Close()
}

func (cfg Config) urls() string {
	if cfg.InProcess != nil || len(cfg.Servers) == 0 {
		return nats.DefaultURL
	}
	return strings.Join(cfg.Servers, ",")
}

// target names the place of a connect for people, without credentials.
func (cfg Config) target() string {
	switch {
	case cfg.InProcess != nil:
		return "the embedded NATS server"
	case cfg.Context != "" && len(cfg.Servers) == 0:
		return fmt.Sprintf("the server of NATS context %q", cfg.Context)
	}
	var names []string
	for s := range strings.SplitSeq(cfg.urls(), ",") {
		names = append(names, withoutUser(strings.TrimSpace(s)))
	}
	return strings.Join(names, ", ")
}

func connectError(cfg Config, err error) error {
	next := "check that a NATS server runs there, or name another with --server or NATS_URL, or start one with `pst-bridge run --embedded`"
	advice := tlsAdvice(err)
	switch {
	case advice != "":
		next = advice
	case errors.Is(err, nats.ErrAuthorization), errors.Is(err, nats.ErrAuthExpired), errors.Is(err, nats.ErrAuthRevoked):
		next = "check --creds, --context or the user in the server URL"
	case cfg.Context != "" && !errors.Is(err, nats.ErrNoServers) && cfg.InProcess == nil:
		next = "check the context with `nats context ls`, and that its server runs"
	case cfg.Creds != "" && strings.Contains(err.Error(), cfg.Creds):
		next = "check that the credentials file exists and can be read"
	}
	return fmt.Errorf("connect to %s: %w; %s", cfg.target(), err, next)
}

func fire(f func()) {
	if f != nil {
		f()
	}
}
