package consumer_test

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/pst-bridge/pst-bridge/consumer"
	"github.com/pst-bridge/pst-bridge/testenv/natsenv"
)

// secure starts a server with the certificate.
func secure(t *testing.T, cert tls.Certificate, change ...natsenv.Options) *natsenv.Node {
	t.Helper()
	return natsenv.Start(t, append([]natsenv.Options{func(o *server.Options) {
		o.TLS, o.TLSTimeout = true, 5
		o.TLSConfig = &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12}
	}}, change...)...)
}

// refused requires that a connect fails, in one line, with each of says in it.
func refused(t *testing.T, cfg consumer.Config, says ...string) {
	t.Helper()
	c, err := consumer.Connect(t.Context(), cfg)
	if err == nil {
		c.Close()
		t.Fatal("connected")
	}
	for _, want := range says {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("text %q does not say %q", err, want)
		}
	}
	if strings.Contains(err.Error(), "\n") {
		t.Errorf("text %q is not one line", err)
	}
}

// The server's certificate is verified, and a connect that fails says what to do.
func TestServerCertificateIsVerified(t *testing.T) {
	ca, other := newAuthority(t), newAuthority(t)
	for _, c := range []struct {
		name, host string
		until      time.Time
		trust      []nats.Option
		says       string // "": connects
	}{
		{"good", "127.0.0.1", time.Time{}, []nats.Option{nats.RootCAs(ca.file)}, ""},
		{"another authority", "127.0.0.1", time.Time{}, []nats.Option{nats.RootCAs(other.file)}, "--tlsca"},
		{"no authority", "127.0.0.1", time.Time{}, nil, "--tlsca"},
		{"another host", "nats.example", time.Time{}, []nats.Option{nats.RootCAs(ca.file)}, "--server"},
		{"expired", "127.0.0.1", time.Now().Add(-time.Minute), []nats.Option{nats.RootCAs(ca.file)}, "renew"},
	} {
		t.Run(c.name, func(t *testing.T) {
			cert, _, _ := ca.pair(c.host, c.until)
			cfg := consumer.Config{Servers: []string{secure(t, cert).URL()}, Options: c.trust}
			if c.says != "" {
				refused(t, cfg, c.says, "127.0.0.1")
				return
			}
			conn := connect(t, cfg)
			if state, err := conn.NATS().TLSConnectionState(); err != nil || state.Version < tls.VersionTLS12 {
				t.Errorf("TLS %x, %v", state.Version, err)
			}
			ensureStream(t, conn, consumer.StreamConfig{})
		})
	}
}

// A server that speaks only older versions is refused.
func TestOldTLSIsRefused(t *testing.T) {
	ca := newAuthority(t)
	cert, _, _ := ca.pair("127.0.0.1", time.Time{})
	n := secure(t, cert, func(o *server.Options) {
		o.TLSConfig.MinVersion, o.TLSConfig.MaxVersion = tls.VersionTLS10, tls.VersionTLS11 //nolint:gosec // what is refused
	})
	refused(t, consumer.Config{Servers: []string{n.URL()}, Options: []nats.Option{nats.RootCAs(ca.file)}}, "1.2")
}

func TestClientCertificate(t *testing.T) {
	ca, other := newAuthority(t), newAuthority(t)
	cert, _, _ := ca.pair("127.0.0.1", time.Time{})
	n := secure(t, cert, func(o *server.Options) {
		o.TLSVerify = true
		o.TLSConfig.ClientAuth, o.TLSConfig.ClientCAs = tls.RequireAndVerifyClientCert, ca.pool()
	})
	with := func(a *authority) consumer.Config {
		_, certFile, keyFile := a.pair("client", time.Time{})
		return consumer.Config{Servers: []string{n.URL()}, Options: []nats.Option{nats.RootCAs(ca.file), nats.ClientCert(certFile, keyFile)}}
	}
	connect(t, with(ca))
	refused(t, with(other), "--tlscert")
	refused(t, consumer.Config{Servers: []string{n.URL()}, Options: []nats.Option{nats.RootCAs(ca.file)}}, "--tlscert")
}

func TestTLSFirst(t *testing.T) {
	ca := newAuthority(t)
	cert, _, _ := ca.pair("127.0.0.1", time.Time{})
	n := secure(t, cert, func(o *server.Options) { o.TLSHandshakeFirst = true })
	cfg := consumer.Config{Servers: []string{n.URL()}, Options: []nats.Option{nats.RootCAs(ca.file)}, Timeout: time.Second}
	refused(t, cfg, "--tlsfirst")
	cfg.TLSFirst = true
	connect(t, cfg)
	cfg.Servers = []string{secure(t, cert).URL()}
	refused(t, cfg, "--tlsfirst")
}

// A NATS context brings authority, client certificate and user along.
func TestContextWithTLS(t *testing.T) {
	ca := newAuthority(t)
	cert, _, _ := ca.pair("127.0.0.1", time.Time{})
	_, certFile, keyFile := ca.pair("client", time.Time{})
	n := secure(t, cert, func(o *server.Options) {
		o.TLSVerify, o.TLSHandshakeFirst = true, true
		o.TLSConfig.ClientAuth, o.TLSConfig.ClientCAs = tls.RequireAndVerifyClientCert, ca.pool()
		o.Username, o.Password = "u", "right"
	})
	file := filepath.Join(t.TempDir(), "c.json")
	text := func(password string) []byte {
		return fmt.Appendf(nil, `{"url": %q, "ca": %q, "cert": %q, "key": %q, "tls_first": true, "user": "u", "password": %q}`,
			n.URL(), ca.file, certFile, keyFile, password)
	}
	write(t, file, text("right"))
	connect(t, consumer.Config{Context: file})
	write(t, file, text("wrong"))
	refused(t, consumer.Config{Context: file}, "uthorization")
}

// elsewhere dials a server of this machine, whatever the address, and makes it look
// like one of another.
type elsewhere struct{ node *natsenv.Node }

func (e elsewhere) Dial(string, string) (net.Conn, error) {
	c, err := net.Dial("tcp", strings.TrimPrefix(e.node.URL(), "nats://")) //nolint:noctx // the interface has none
	return farConn{c}, err
}

type farConn struct{ net.Conn }

func (farConn) RemoteAddr() net.Addr { return &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 4222} }

// authenticated counts the connections there were that told a secret.
func authenticated(t *testing.T, n *natsenv.Node) int {
	t.Helper()
	all, err := n.Server().Connz(&server.ConnzOptions{State: server.ConnAll, Username: true})
	if err != nil {
		t.Fatal(err)
	}
	count := 0
	for _, c := range all.Conns {
		if c.AuthorizedUser != "" {
			count++
		}
	}
	return count
}

// Passwords and tokens go to another machine only with TLS, or where that is asked for.
func TestSecretsDoNotTravelInClear(t *testing.T) {
	byUser := natsenv.Start(t, func(o *server.Options) { o.Username, o.Password = "u", "p" })
	byToken := natsenv.Start(t, func(o *server.Options) { o.Authorization = "tok" })
	file := filepath.Join(t.TempDir(), "c.json")
	write(t, file, []byte(`{"url": "nats://192.0.2.1:4222", "user": "u", "password": "p"}`))
	for _, c := range []struct {
		name string
		node *natsenv.Node
		cfg  consumer.Config
	}{
		{"user", byUser, consumer.Config{Servers: []string{"nats://192.0.2.1:4222"}, Options: []nats.Option{nats.UserInfo("u", "p")}}},
		{"token", byToken, consumer.Config{Servers: []string{"192.0.2.1:4222"}, Options: []nats.Option{nats.Token("tok")}}},
		{"URL", byUser, consumer.Config{Servers: []string{"nats://127.0.0.1:1,nats://u:p@192.0.2.1:4222"}}},
		{"token in URL", byToken, consumer.Config{Servers: []string{"tok@192.0.2.1"}}},
		{"context", byUser, consumer.Config{Context: file}},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.cfg.Options = append(c.cfg.Options, nats.SetCustomDialer(elsewhere{c.node}))
			before := authenticated(t, c.node)
			refused(t, c.cfg, "--allow-plaintext")
			if n := authenticated(t, c.node) - before; n != 0 {
				t.Errorf("the server was told the secret %d times", n)
			}
			c.cfg.AllowPlaintext = true
			if !connect(t, c.cfg).Exposed() {
				t.Error("the connection is in clear, and does not say so")
			}
		})
	}
	open := natsenv.Start(t)
	if !connect(t, consumer.Config{Servers: []string{"nats://192.0.2.1:4222"}, Options: []nats.Option{nats.SetCustomDialer(elsewhere{open})}}).Exposed() {
		t.Error("the connection is in clear, and does not say so")
	}
	if connect(t, consumer.Config{Servers: []string{open.URL()}}).Exposed() || connect(t, consumer.Config{InProcess: open}).Exposed() {
		t.Error("a connection that does not leave the machine is exposed")
	}
	ca := newAuthority(t)
	cert, _, _ := ca.pair("192.0.2.1", time.Time{})
	n := secure(t, cert, func(o *server.Options) { o.Username, o.Password = "u", "p" })
	if connect(t, consumer.Config{
		Servers: []string{"nats://u:p@192.0.2.1:4222"}, Options: []nats.Option{nats.RootCAs(ca.file), nats.SetCustomDialer(elsewhere{n})},
	}).Exposed() {
		t.Error("a connection with TLS is exposed")
	}
}

// A server without TLS, where TLS is asked for.
func TestTLSIsNotDropped(t *testing.T) {
	n := natsenv.Start(t)
	for _, cfg := range []consumer.Config{
		{Servers: []string{strings.Replace(n.URL(), "nats:", "tls:", 1)}},
		{Servers: []string{n.URL()}, Options: []nats.Option{nats.RootCAs(newAuthority(t).file)}},
	} {
		refused(t, cfg, "offers no TLS")
		if _, err := consumer.Connect(t.Context(), cfg); !errors.Is(err, nats.ErrSecureConnWanted) {
			t.Error(err)
		}
	}
}
