//go:build unix

package scenario

import (
	"strings"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/pst-bridge/pst-bridge/bridge"
	"github.com/pst-bridge/pst-bridge/testenv/natsenv"
)

// A worker's user, or that user's rights, are taken away while it holds a batch that it has
// just put. It says so, and none of its acknowledgements counts; a worker with new ones
// gets its messages and finds them written.
func TestCredentialsAreRevoked(t *testing.T) {
	t.Parallel()
	const old, fresh = "bridge:old", "bridge2:new"
	users := func(list ...string) natsenv.Options {
		return func(o *server.Options) {
			o.Users = []*server.User{{Username: "test", Password: "test"}}
			for _, u := range list {
				name, password, _ := strings.Cut(u, ":")
				o.Users = append(o.Users, &server.User{Username: name, Password: password})
			}
		}
	}
	for name, c := range map[string]struct {
		revoke natsenv.Options
		says   string
	}{
		"user": {users(fresh), "uthorization"},
		"rights": {func(o *server.Options) {
			users(old, fresh)(o)
			none := &server.SubjectPermission{Deny: []string{">"}}
			o.Users[1].Permissions = &server.Permissions{Publish: none, Subscribe: none}
		}, "ermission"},
	} {
		t.Run(name, func(t *testing.T) {
			node := natsenv.Start(t, users(old))
			as := func(user string) string { return strings.Replace(node.URL(), "//", "//"+user+"@", 1) }
			r := rigOn(t, as("test:test"))
			r.stream(jetstream.WorkQueuePolicy)
			r.durable("t", ackWait)
			r.urls = as(old)
			p := r.worker(string(bridge.MomentAfterPut)+"=stop@1", small...)
			acked := r.publish("t", "p", 1000)
			p.Stderr().WaitFor(t, patience, "failpoint after-put")
			node.Reload(c.revoke)
			wake(t, p, "it says what is the matter", func() bool { return strings.Contains(p.Stderr().String(), c.says) })

			r.urls = as(fresh)
			q := r.worker("", small...)
			acked = append(acked, r.publishFrom("t", "p", len(acked), 500)...)
			r.awaitRows("t", uint64(len(acked)))
			r.awaitAcked("pst-bridge-t")
			p.Kill() // a drain would wait for a server that takes it in
			q.Terminate()
			if exit := q.Wait(patience); exit.Code != 0 {
				t.Errorf("%+v\n%s", exit, q.Stderr())
			}
			r.exact("t", map[string][]natsenv.Acked{"p": acked})
			log := tally{FailpointHits: map[string]int{}}
			if log.add(q); log.Duplicates == 0 {
				t.Error("what the first worker wrote did not come again: the test proves nothing")
			}
		})
	}
}
