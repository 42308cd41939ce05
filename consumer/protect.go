package consumer

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/url"
	"os"
	"strings"

	"github.com/nats-io/nats.go"
)

// protect refuses servers without TLS where a password or a token would be sent to
// another machine in clear: such a dial ends before anything secret is sent, also when
// somebody on the way hides that the server has TLS. It is the last option.
func protect(o *nats.Options) error {
	if !sendsSecret(o) || onlyLoopback(o.Servers) {
		return nil
	}
	o.Secure = true
	if o.TLSConfig == nil {
		o.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	return nil
}

// sendsSecret reports whether the client tells its secret as it is. Of an nkey and of a
// credentials file it only sends a signature.
func sendsSecret(o *nats.Options) bool {
	if o.User != "" || o.Token != "" {
		return true
	}
	for _, s := range o.Servers {
		if u, err := parseServer(s); err != nil || u.User != nil {
			return true
		}
	}
	return false
}

// errServerURL is all that is said of a URL that cannot be read: what the parser says
// quotes it, or a password that it took for a port.
var errServerURL = errors.New("a server URL cannot be read: write nats://HOST:PORT, and other characters than letters and digits in user, password or token as %XX")

// checkServers refuses URLs that nats.go would quote, or look up a part of that was
// meant to be a secret. It is an option that sees the URLs of a context too.
func checkServers(o *nats.Options) error {
	for _, s := range o.Servers {
		if u, err := parseServer(s); err != nil || u.User == nil && strings.Contains(s, "@") {
			return errServerURL
		}
	}
	return nil
}

// withoutUser is a server's URL without user, password and token.
func withoutUser(s string) string {
	if at := strings.LastIndexByte(s, '@'); at >= 0 {
		scheme, _, found := strings.Cut(s, "://")
		if !found {
			return s[at+1:]
		}
		return scheme + "://" + s[at+1:]
	}
	return s
}

// parseServer reads a server's URL, which may lack its scheme.
func parseServer(s string) (*url.URL, error) {
	if !strings.Contains(s, "://") {
		s = "nats://" + s
	}
	return url.Parse(s)
}

func onlyLoopback(servers []string) bool {
	for _, s := range servers {
		u, err := parseServer(s)
		if err != nil || !Loopback(u.Hostname()) {
			return false
		}
	}
	return true
}

// Loopback reports whether a host is this machine, by its name or address. The empty
// host of a listener is not: it stands for all addresses.
func Loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// Exposed reports whether the connection leaves this machine without TLS.
func (c *Conn) Exposed() bool {
	if _, err := c.nc.TLSConnectionState(); c.nc.Opts.InProcessServer != nil || !errors.Is(err, nats.ErrConnectionNotTLS) {
		return false
	}
	host, _, err := net.SplitHostPort(c.nc.ConnectedAddr())
	return err == nil && !Loopback(host)
}

// tlsAdvice is what to do about a connect that TLS refused, or "".
func tlsAdvice(err error) string {
	var (
		authority x509.UnknownAuthorityError
		host      x509.HostnameError
		invalid   x509.CertificateInvalidError
		record    tls.RecordHeaderError
	)
	text := err.Error()
	switch {
	case errors.Is(err, nats.ErrSecureConnWanted):
		return "the server offers no TLS: set it up there; only on a network that you trust, let password or token go in clear with --allow-plaintext"
	case errors.As(err, &authority):
		return "name the authority that signed the server's certificate with --tlsca"
	case errors.As(err, &host):
		return "use a name in --server that the server's certificate has, or have it issued for this one"
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return "renew the server's certificate, or set this machine's clock"
	case errors.As(err, &record):
		return "the server does not begin with TLS: leave out --tlsfirst"
	case strings.Contains(text, "certificate required"), strings.Contains(text, "bad certificate"), strings.Contains(text, "unknown certificate authority"):
		return "the server wants a client certificate that it trusts: --tlscert and --tlskey"
	case strings.Contains(text, "closed by remote after TLS handshake"): // its alert was lost
		return "the server ended the connection: it may want a client certificate that it trusts (--tlscert and --tlskey)"
	case strings.Contains(text, "protocol version"):
		return "the server speaks no TLS version from 1.2 on"
	case errors.Is(err, nats.ErrTimeout), errors.Is(err, os.ErrDeadlineExceeded):
		return "check that a NATS server runs there, or name another with --server or NATS_URL; --tlsfirst if it waits for the TLS handshake"
	case errors.Is(err, nats.ErrTLS):
		return "check the TLS settings of both sides"
	}
	return ""
}
