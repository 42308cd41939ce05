package consumer

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/pst-bridge/pst-bridge/internal/escape"
)

// Inbox prefixes of the users that Permissions describes. Each user has its own: who
// may subscribe to _INBOX.> reads the answers, and the deliveries, of all others.
const (
	InboxBridge    = "_INBOX_bridge"
	InboxOperator  = "_INBOX_operator"
	InboxPublisher = "_INBOX_publisher"
)

// PermissionConfig names what the users are to work on. The zero value is the default.
type PermissionConfig struct {
	Stream   string   // empty: DefaultStream
	Prefix   string   // empty: DefaultPrefix
	Consumer string   // base name of the durables; empty: DefaultConsumer
	Topics   []string // empty: all under Prefix, which allows the bridge any consumer of the stream
	Domain   string   // JetStream domain; empty: none
	// Provision lets the bridge create the streams and its consumers.
	Provision bool
}

// User is a user of the server and the subjects that it needs. All others are denied
// to it, since a list of what is allowed denies the rest.
type User struct {
	Name, Role         string
	InboxPrefix        string
	Publish, Subscribe []string
}

// Permissions returns the least that this program's users need: the bridge, an operator
// (dlq, doctor, rebind, replay, status, and run --once to create what is missing), and a
// publisher for each topic, or one for all. The subjects are those that the calls of
// this package use.
func (cfg PermissionConfig) Permissions() ([]User, error) {
	if cfg.Stream == "" {
		cfg.Stream = DefaultStream
	}
	if cfg.Prefix == "" {
		cfg.Prefix = DefaultPrefix
	}
	if cfg.Consumer == "" {
		cfg.Consumer = DefaultConsumer
	}
	if err := cfg.check(); err != nil {
		return nil, err
	}
	r := rights{cfg: cfg, consumers: []string{"*"}}
	if len(cfg.Topics) > 0 {
		r.consumers = nil
	}
	for _, topic := range cfg.Topics {
		name, err := ConsumerName(cfg.Consumer, topic)
		if err != nil {
			return nil, err
		}
		r.consumers = append(r.consumers, name)
	}
	users := append([]User{r.bridge(), r.operator()}, r.publishers()...)
	if cfg.Domain != "" {
		for i := range users {
			users[i].Publish = inDomain(users[i].Publish, cfg.Domain)
		}
	}
	return users, nil
}

// inDomain adds to each call of the JetStream API its form with the domain: a server
// of the domain checks the form without, one beyond a leaf node the form with it.
func inDomain(subjects []string, domain string) []string {
	var all []string
	for _, s := range subjects {
		all = append(all, s)
		if call, ok := strings.CutPrefix(s, apiPrefix); ok {
			all = append(all, "$JS."+domain+".API."+call)
		}
	}
	return all
}

func (cfg PermissionConfig) check() error {
	var errs []error
	for _, name := range []struct{ what, value string }{{"stream", cfg.Stream}, {"JetStream domain", cfg.Domain}} {
		if strings.ContainsAny(name.value, " \t\r\n.*>") {
			errs = append(errs, fmt.Errorf("%s %q: white space, dots and wildcards are not allowed", name.what, name.value))
		}
	}
	if err := CheckTopic(cfg.Prefix); err != nil {
		errs = append(errs, fmt.Errorf("subject prefix: %w", err))
	}
	if _, err := ConsumerName(cfg.Consumer, "t"); err != nil {
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// rights puts subjects together.
type rights struct {
	cfg       PermissionConfig
	consumers []string // durables of the topics, in their order, or a wildcard
}

// bridge is what run needs.
func (r *rights) bridge() User {
	u := User{Name: "bridge", Role: "run --provision=false, check", InboxPrefix: InboxBridge}
	s, dead := r.cfg.Stream, DefaultDeadLetterStream
	u.Publish = []string{apiPrefix + "STREAM.INFO." + s, apiPrefix + "STREAM.INFO." + dead}
	u.Subscribe = []string{InboxBridge + ".>"}
	for _, c := range r.consumers {
		u.Publish = append(u.Publish, apiPrefix+"CONSUMER.INFO."+s+"."+c, apiPrefix+"CONSUMER.MSG.NEXT."+s+"."+c)
		u.Publish = append(u.Publish, acks(s, c)...)
		u.Subscribe = append(u.Subscribe, maxDeliveriesSubject+s+"."+c)
	}
	u.Publish = append(u.Publish, r.subjects(DefaultDeadLetterPrefix, ".*.*")...)
	// Whether a dead letter is stored already is asked by one of these two.
	u.Publish = append(u.Publish, apiPrefix+"STREAM.MSG.GET."+dead, apiPrefix+"DIRECT.GET."+dead+".>")
	if r.cfg.Provision {
		u.Role = "run, check"
		u.Publish = append(u.Publish, r.creation()...)
		for i, c := range r.consumers {
			u.Publish = append(u.Publish, apiPrefix+"CONSUMER.CREATE."+s+"."+c+"."+r.subjects(r.cfg.Prefix, "")[i])
		}
	}
	return u
}

// operator is what the commands for operators need. replay and dlq read through
// consumers of their own, whose names are random.
func (r *rights) operator() User {
	u := User{Name: "operator", Role: "status, doctor, rebind, replay, rebuild-ledger, dlq; run --once to create what is missing", InboxPrefix: InboxOperator}
	s, dead := r.cfg.Stream, DefaultDeadLetterStream
	u.Publish = append([]string{apiPrefix + "STREAM.INFO." + s, apiPrefix + "STREAM.INFO." + dead}, r.creation()...)
	for _, stream := range []string{s, dead} {
		u.Publish = append(u.Publish,
			apiPrefix+"CONSUMER.INFO."+stream+".*", apiPrefix+"CONSUMER.CREATE."+stream+".>",
			apiPrefix+"CONSUMER.DELETE."+stream+".*", apiPrefix+"CONSUMER.MSG.NEXT."+stream+".*")
	}
	for _, c := range r.consumers {
		u.Publish = append(u.Publish, acks(s, c)...)
		u.Subscribe = append(u.Subscribe, maxDeliveriesSubject+s+"."+c)
	}
	u.Publish = append(u.Publish, apiPrefix+"STREAM.MSG.GET."+dead, apiPrefix+"DIRECT.GET."+dead+".>", apiPrefix+"STREAM.MSG.DELETE."+dead)
	u.Publish = append(u.Publish, r.subjects(DefaultDeadLetterPrefix, ".*.*")...)
	u.Publish = append(u.Publish, r.subjects(r.cfg.Prefix, "")...) // dlq replay
	u.Subscribe = append([]string{InboxOperator + ".>"}, u.Subscribe...)
	return u
}

// publishers may publish to their topic and nothing else: not to $JS.ACK, which would
// let them acknowledge what no table has, and not to $JS.API.
func (r *rights) publishers() []User {
	subjects := r.subjects(r.cfg.Prefix, "")
	if len(subjects) == 1 {
		return []User{{Name: "publisher", Role: "pub --provision=false, or any client", InboxPrefix: InboxPublisher, Publish: subjects, Subscribe: []string{InboxPublisher + ".>"}}}
	}
	var all []User
	for i, topic := range r.cfg.Topics {
		tail := "-" + escape.Bytes(topic, nameByte)
		all = append(all, User{
			Name: "publisher" + tail, Role: "pub --provision=false " + topic + ", or any client", InboxPrefix: InboxPublisher + tail,
			Publish: subjects[i : i+1], Subscribe: []string{InboxPublisher + tail + ".>"},
		})
	}
	return all
}

// creation is what it takes to create the two streams. STREAM.NAMES tells which stream
// holds subjects that overlap.
func (r *rights) creation() []string {
	return []string{apiPrefix + "STREAM.CREATE." + r.cfg.Stream, apiPrefix + "STREAM.CREATE." + DefaultDeadLetterStream, apiPrefix + "STREAM.NAMES"}
}

// subjects are those of the topics under a prefix, with tail, or all under it.
func (r *rights) subjects(prefix, tail string) []string {
	if len(r.cfg.Topics) == 0 {
		return []string{prefix + ".>"}
	}
	all := slices.Clone(r.cfg.Topics)
	for i := range all {
		all[i] = prefix + "." + all[i] + tail
	}
	return all
}

// acks are the two forms of acknowledgement subjects: without and with the domain and
// the account before the stream.
func acks(stream, name string) []string {
	return []string{ackPrefix + stream + "." + name + ".>", ackPrefix + "*.*." + stream + "." + name + ".>"}
}
