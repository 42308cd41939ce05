package consumer

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
)

// Excess is one kind of right that a publisher must not have.
type Excess struct {
	What     string
	Harm     string   // what who has it can do
	Subjects []string // that were tried and not denied; none: the user does not have it
	Reads    bool     // nothing is lost by it
}

// excessPatience bounds the whole of Excess.
const excessPatience = 15 * time.Second

// Excess tries what a publisher must not be allowed, as the user of this connection, and
// judges by what the server denies. It changes nothing: what it publishes goes to
// consumers and streams that do not exist, asks for information, or is no
// acknowledgement that a server knows; what it subscribes to, nobody publishes to. So a
// right to delete exactly one stream, for instance, is not found.
func (c *Conn) Excess(ctx context.Context, cfg PermissionConfig) ([]Excess, error) {
	r, err := cfg.rights()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, excessPatience)
	defer cancel()
	nobody := "pst-check-" + strings.ToLower(rand.Text())
	var found []Excess
	for _, e := range []struct {
		Excess
		try    func(subject string) error
		probes []string
	}{
		{Excess{What: "acknowledgements", Harm: "messages that no table has can be acknowledged, and are lost in silence"}, c.tryPublish, r.ackProbes(nobody)},
		{Excess{What: "JetStream API", Harm: "streams and consumers can be read, changed or deleted"}, c.tryPublish, r.apiProbes(c.api, nobody)},
		{
			Excess{What: "inboxes", Harm: "answers to others, and what is delivered to the bridge, can be read"},
			c.trySubscribe,
			[]string{nats.InboxPrefix + nobody, InboxBridge + "." + nobody, InboxOperator + "." + nobody},
		},
		{Excess{What: "messages", Harm: "what others publish can be read", Reads: true}, c.trySubscribe, []string{r.cfg.Prefix + "." + nobody}},
	} {
		for _, subject := range e.probes {
			allowed, err := c.allowed(ctx, subject, e.try)
			if err != nil {
				return nil, err
			}
			if allowed {
				e.Subjects = append(e.Subjects, subject)
			}
		}
		found = append(found, e.Excess)
	}
	return found, nil
}

// ackProbes are acknowledgements to a consumer that does not exist, and to those of the
// topics in a form that is none.
func (r *rights) ackProbes(nobody string) []string {
	probes := []string{
		ackPrefix + r.cfg.Stream + "." + nobody + ".1.1.1.1.0",
		ackPrefix + "_.account." + r.cfg.Stream + "." + nobody + ".1.1.1.1.0.x",
	}
	for _, d := range r.consumers {
		if d.name != "*" {
			probes = append(probes, ackPrefix+d.stream+"."+d.name+"."+nobody)
		}
	}
	return probes
}

// apiProbes are questions about the streams and consumers of the topics, and whatever
// else about those that do not exist.
func (r *rights) apiProbes(api, nobody string) []string {
	var probes []string
	for _, call := range []string{
		"INFO", "STREAM.INFO." + DefaultDeadLetterStream,
		"STREAM.DELETE." + nobody, "STREAM.PURGE." + nobody, "STREAM.UPDATE." + nobody, "STREAM.MSG.DELETE." + nobody,
		"CONSUMER.CREATE." + nobody + "." + nobody, "CONSUMER.DELETE." + r.cfg.Stream + "." + nobody,
		"CONSUMER.RESET." + r.cfg.Stream + "." + nobody, "CONSUMER.MSG.NEXT." + r.cfg.Stream + "." + nobody,
	} {
		probes = append(probes, api+call)
	}
	for _, d := range r.consumers {
		if d.name != "*" {
			probes = append(probes, api+"CONSUMER.INFO."+d.stream+"."+d.name)
		}
	}
	for _, s := range r.streams {
		if s != "*" {
			probes = append(probes, api+"STREAM.INFO."+s)
		}
	}
	return probes
}

// allowed tries a subject, and reports whether the server let it pass.
func (c *Conn) allowed(ctx context.Context, subject string, try func(string) error) (bool, error) {
	if err := try(subject); err != nil {
		return false, fmt.Errorf("try %s: %w", subject, err)
	}
	if err := c.nc.FlushWithContext(ctx); err != nil {
		return false, fmt.Errorf("try %s: %w", subject, c.explain(ctx, err))
	}
	denied, ok := deniedSubject(c.nc.LastError())
	return !ok || c.bare(denied) != c.bare(subject), nil
}

// bare is a subject without the JetStream domain, as a server of the domain names it.
func (c *Conn) bare(subject string) string {
	if call, ok := strings.CutPrefix(subject, c.api); ok {
		return apiPrefix + call
	}
	return subject
}

// tryPublish publishes what is no acknowledgement and no request.
func (c *Conn) tryPublish(subject string) error { return c.nc.Publish(subject, []byte("?")) }

// trySubscribe subscribes and ends that at once; the server answers for both in turn.
func (c *Conn) trySubscribe(subject string) error {
	sub, err := c.nc.SubscribeSync(subject)
	if err != nil {
		return err
	}
	return sub.Unsubscribe()
}
