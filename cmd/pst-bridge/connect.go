package main

import (
	"context"
	"log/slog"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/pst-bridge/pst-bridge/consumer"
)

// connectFlags say where JetStream is, with the names and the environment that
// the nats command line uses. A flag wins over the environment, and both win over
// the context.
type connectFlags struct {
	Server         string        `group:"NATS" short:"s" env:"NATS_URL" placeholder:"URL" help:"Server, or several separated by commas. Without it: that of the context, else nats://127.0.0.1:4222."`
	Context        string        `group:"NATS" env:"NATS_CONTEXT" placeholder:"NAME" help:"Context of the nats command line to take server and credentials from."`
	Creds          string        `group:"NATS" env:"NATS_CREDS" placeholder:"FILE" help:"Credentials file."`
	NKey           string        `group:"NATS" name:"nkey" env:"NATS_NKEY" placeholder:"FILE" help:"File with an nkey seed."`
	User           string        `group:"NATS" env:"NATS_USER" help:"User."`
	Password       string        `group:"NATS" env:"NATS_PASSWORD" help:"Password; better in the environment than on the command line."`
	Token          string        `group:"NATS" env:"NATS_TOKEN" help:"Token; better in the environment than on the command line."`
	TLSCert        string        `group:"NATS" name:"tlscert" env:"NATS_CERT" placeholder:"FILE" help:"Client certificate (PEM)."`
	TLSKey         string        `group:"NATS" name:"tlskey" env:"NATS_KEY" placeholder:"FILE" help:"Key of the client certificate (PEM)."`
	TLSCA          string        `group:"NATS" name:"tlsca" env:"NATS_CA" placeholder:"FILE" help:"Certificate authorities to trust (PEM)."`
	TLSFirst       bool          `group:"NATS" name:"tlsfirst" env:"PST_TLS_FIRST" help:"Begin with the TLS handshake, for a server that waits for it (handshake_first)."`
	AllowPlaintext bool          `group:"NATS" name:"allow-plaintext" env:"PST_ALLOW_PLAINTEXT" help:"Send password and token to other machines also where the server offers no TLS."`
	JSDomain       string        `group:"NATS" name:"js-domain" env:"PST_JS_DOMAIN" placeholder:"NAME" help:"JetStream domain."`
	InboxPrefix    string        `group:"NATS" name:"inbox-prefix" env:"PST_INBOX_PREFIX" placeholder:"PREFIX" help:"Subject before the answers to this program, one that no other user may subscribe to; without it that of the context, else _INBOX."`
	Timeout        time.Duration `group:"NATS" env:"NATS_TIMEOUT" default:"5s" help:"How long the first connect may take."`
}

// connect connects to JetStream as the flags say, or to server where there is an
// embedded one. Connection events go to log.
func (f *connectFlags) connect(ctx context.Context, server consumer.InProcess, instance string, log *slog.Logger) (*consumer.Conn, error) {
	opts, err := f.options()
	if err != nil {
		return nil, err
	}
	cfg := consumer.Config{
		Context:        f.Context,
		Creds:          f.Creds,
		InProcess:      server,
		Instance:       instance,
		Domain:         f.JSDomain,
		InboxPrefix:    f.InboxPrefix,
		Timeout:        f.Timeout,
		TLSFirst:       f.TLSFirst,
		AllowPlaintext: f.AllowPlaintext,
		Options:        opts,
		Events: consumer.ConnEvents{
			Disconnected: func(err error) {
				if err != nil { // nil: closed by us
					log.Warn("connection to NATS lost, reconnecting", "error", err)
				}
			},
			Reconnected: func(url string) { log.Info("connected to NATS again", "server", url) },
			LameDuck:    func() { log.Info("server asks its clients to move on") },
			Error:       func(err error) { log.Warn("NATS reports an error", "error", err) },
		},
	}
	if f.Server != "" {
		cfg.Servers = strings.Split(f.Server, ",")
	}
	return consumer.Connect(ctx, cfg)
}

// options are the credentials that consumer.Config has no field for.
func (f *connectFlags) options() ([]nats.Option, error) {
	if (f.TLSCert == "") != (f.TLSKey == "") {
		return nil, usagef("--tlscert and --tlskey need each other")
	}
	var opts []nats.Option
	if f.User != "" {
		opts = append(opts, nats.UserInfo(f.User, f.Password))
	}
	if f.Token != "" {
		opts = append(opts, nats.Token(f.Token))
	}
	if f.NKey != "" {
		nkey, err := nats.NkeyOptionFromSeed(f.NKey)
		if err != nil {
			return nil, advise(err, "--nkey wants a file that holds an nkey seed")
		}
		opts = append(opts, nkey)
	}
	if f.TLSCert != "" {
		opts = append(opts, nats.ClientCert(f.TLSCert, f.TLSKey))
	}
	if f.TLSCA != "" {
		opts = append(opts, nats.RootCAs(f.TLSCA))
	}
	return opts, nil
}
