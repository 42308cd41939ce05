package consumer_test

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"

	"github.com/pst-bridge/pst-bridge/consumer"
	"github.com/pst-bridge/pst-bridge/testenv/natsenv"
)

// key makes a key pair, and returns its public half and its seed.
func key(t *testing.T, make func() (nkeys.KeyPair, error)) (pair nkeys.KeyPair, public string, seed []byte) {
	t.Helper()
	pair, err := make()
	if err != nil {
		t.Fatal(err)
	}
	if public, err = pair.PublicKey(); err != nil {
		t.Fatal(err)
	}
	if seed, err = pair.Seed(); err != nil {
		t.Fatal(err)
	}
	return pair, public, seed
}

func TestPasswordAndToken(t *testing.T) {
	byUser := natsenv.Start(t, func(o *server.Options) { o.Username, o.Password = "u", "p" })
	connect(t, consumer.Config{Servers: []string{byUser.URL()}, Options: []nats.Option{nats.UserInfo("u", "p")}})
	refused(t, consumer.Config{Servers: []string{byUser.URL()}, Options: []nats.Option{nats.UserInfo("u", "q")}}, "--creds")
	byToken := natsenv.Start(t, func(o *server.Options) { o.Authorization = "tok" })
	connect(t, consumer.Config{Servers: []string{byToken.URL()}, Options: []nats.Option{nats.Token("tok")}})
	refused(t, consumer.Config{Servers: []string{byToken.URL()}, Options: []nats.Option{nats.Token("other")}}, "--creds")
}

func TestNKey(t *testing.T) {
	_, public, seed := key(t, nkeys.CreateUser)
	_, _, stranger := key(t, nkeys.CreateUser)
	n := natsenv.Start(t, func(o *server.Options) { o.Nkeys = []*server.NkeyUser{{Nkey: public}} })
	with := func(seed []byte) consumer.Config {
		file := filepath.Join(t.TempDir(), "seed")
		write(t, file, seed)
		option, err := nats.NkeyOptionFromSeed(file)
		if err != nil {
			t.Fatal(err)
		}
		return consumer.Config{Servers: []string{n.URL()}, Options: []nats.Option{option}}
	}
	connect(t, with(seed))
	refused(t, with(stranger), "uthorization")
}

// The credentials file is read at each connect: a bridge that runs takes over a user
// that was given out anew, when the old one is revoked.
func TestCredentialsAreReadAgain(t *testing.T) {
	operator, _, _ := key(t, nkeys.CreateOperator)
	operatorKey, _ := operator.PublicKey()
	account, accountKey, _ := key(t, nkeys.CreateAccount)
	_, systemKey, _ := key(t, nkeys.CreateAccount)
	resolver := &server.MemAccResolver{}
	publish := func(subject string, change func(*jwt.AccountClaims)) {
		t.Helper()
		claims := jwt.NewAccountClaims(subject)
		change(claims)
		text, err := claims.Encode(operator)
		if err == nil {
			err = resolver.Store(subject, text)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	publish(accountKey, func(*jwt.AccountClaims) {})
	publish(systemKey, func(*jwt.AccountClaims) {})
	file := filepath.Join(t.TempDir(), "c.creds")
	give := func() (public string) {
		t.Helper()
		_, public, seed := key(t, nkeys.CreateUser)
		text, err := jwt.NewUserClaims(public).Encode(account)
		if err != nil {
			t.Fatal(err)
		}
		creds, err := jwt.FormatUserConfig(text, seed)
		if err != nil {
			t.Fatal(err)
		}
		write(t, file, creds)
		return public
	}
	n := natsenv.Start(t, func(o *server.Options) {
		o.TrustedOperators = []*jwt.OperatorClaims{jwt.NewOperatorClaims(operatorKey)}
		o.SystemAccount, o.AccountResolver = systemKey, resolver
	})
	old := give()
	again := make(chan string, 1)
	conn := connect(t, consumer.Config{
		Servers: []string{n.URL()}, Creds: file,
		Events: consumer.ConnEvents{Reconnected: func(url string) { again <- url }},
	})
	fresh := give()
	n.Stop()
	publish(accountKey, func(c *jwt.AccountClaims) { c.RevokeAt(old, time.Now().Add(time.Minute)) })
	n.Restart()
	select {
	case <-again:
	case <-time.After(30 * time.Second):
		t.Fatalf("no reconnect: %v", conn.NATS().LastError())
	}
	conns, err := n.Server().Connz(&server.ConnzOptions{Username: true})
	if err != nil || len(conns.Conns) != 1 || conns.Conns[0].AuthorizedUser != fresh {
		t.Errorf("the connection is %+v, %v; want that of %s", conns, err, fresh)
	}
}
