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
	PerTopic bool     // each topic has its own stream; without Topics that allows any consumer of the account
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
	r, err := cfg.rights()
	if err != nil {
		return nil, err
	}
	users := append([]User{r.bridge(), r.operator()}, r.publishers()...)
	if cfg.Domain != "" {
		for i := range users {
			users[i].Publish = inDomain(users[i].Publish, cfg.Domain)
		}
	}
	return users, nil
}

// rights applies defaults, and names streams and consumers.
func (cfg PermissionConfig) rights() (*rights, error) {
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
	r := &rights{cfg: cfg}
	return r, r.find()
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
	streams   []string // of the messages, each once
	consumers []durableOf
}

// durableOf is a topic's durable in its stream. Either may be a wildcard.
type durableOf struct{ stream, name, subject string }

// find names the streams and consumers of the topics, in their order.
func (r *rights) find() error {
	cfg := r.cfg
	if len(cfg.Topics) == 0 {
		d := durableOf{cfg.Stream, "*", cfg.Prefix + ".>"}
		if cfg.PerTopic {
			d.stream = "*"
		}
		r.streams, r.consumers = []string{d.stream}, []durableOf{d}
		return nil
	}
	for _, topic := range cfg.Topics {
		name, err := ConsumerName(cfg.Consumer, topic)
		if err != nil {
			return err
		}
		d := durableOf{cfg.Stream, name, cfg.Prefix + "." + topic}
		if cfg.PerTopic {
			if d.stream, err = StreamName(cfg.Stream, topic); err != nil {
				return err
			}
		}
		if !slices.Contains(r.streams, d.stream) {
			r.streams = append(r.streams, d.stream)
		}
		r.consumers = append(r.consumers, d)
	}
	return nil
}

// discovers reports whether topics are found by the names of their streams.
func (r *rights) discovers() bool { return r.cfg.PerTopic && len(r.cfg.Topics) == 0 }

// infos are the questions for all streams.
func (r *rights) infos() []string {
	all := []string{apiPrefix + "STREAM.INFO." + DefaultDeadLetterStream}
	for _, s := range r.streams {
		all = append(all, apiPrefix+"STREAM.INFO."+s)
	}
	if r.discovers() {
		all = append(all, apiPrefix+"STREAM.NAMES")
	}
	return all
}

// bridge is what run needs.
func (r *rights) bridge() User {
	u := User{Name: "bridge", Role: "run --provision=false, check", InboxPrefix: InboxBridge}
	dead := DefaultDeadLetterStream
	u.Publish = r.infos()
	u.Subscribe = []string{InboxBridge + ".>"}
	for _, c := range r.consumers {
		u.Publish = append(u.Publish, apiPrefix+"CONSUMER.INFO."+c.stream+"."+c.name, apiPrefix+"CONSUMER.MSG.NEXT."+c.stream+"."+c.name)
		u.Publish = append(u.Publish, acks(c)...)
		u.Subscribe = append(u.Subscribe, maxDeliveriesSubject+c.stream+"."+c.name)
	}
	u.Publish = append(u.Publish, r.subjects(DefaultDeadLetterPrefix, ".*.*")...)
	// Whether a dead letter is stored already is asked by one of these two.
	u.Publish = append(u.Publish, apiPrefix+"STREAM.MSG.GET."+dead, apiPrefix+"DIRECT.GET."+dead+".>")
	if r.cfg.Provision {
		u.Role = "run, check"
		u.Publish = append(u.Publish, r.creation()...)
		for _, c := range r.consumers {
			u.Publish = append(u.Publish, apiPrefix+"CONSUMER.CREATE."+c.stream+"."+c.name+"."+c.subject)
		}
	}
	return u
}

// operator is what the commands for operators need. replay and dlq read through
// consumers of their own, whose names are random.
func (r *rights) operator() User {
	u := User{Name: "operator", Role: "status, doctor, rebind, replay, rebuild-ledger, dlq; run --once to create what is missing", InboxPrefix: InboxOperator}
	dead := DefaultDeadLetterStream
	u.Publish = append(r.infos(), r.creation()...)
	for _, stream := range append([]string{dead}, r.streams...) {
		u.Publish = append(u.Publish,
			apiPrefix+"CONSUMER.INFO."+stream+".*", apiPrefix+"CONSUMER.CREATE."+stream+".>",
			apiPrefix+"CONSUMER.DELETE."+stream+".*", apiPrefix+"CONSUMER.MSG.NEXT."+stream+".*")
	}
	for _, c := range r.consumers {
		u.Publish = append(u.Publish, acks(c)...)
		u.Subscribe = append(u.Subscribe, maxDeliveriesSubject+c.stream+"."+c.name)
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
	pub := "pub --provision=false"
	if r.cfg.PerTopic {
		pub += " --stream-per-topic"
	}
	subjects := r.subjects(r.cfg.Prefix, "")
	if len(subjects) == 1 {
		return []User{{Name: "publisher", Role: pub + ", or any client", InboxPrefix: InboxPublisher, Publish: subjects, Subscribe: []string{InboxPublisher + ".>"}}}
	}
	var all []User
	for i, topic := range r.cfg.Topics {
		tail := "-" + escape.Bytes(topic, nameByte)
		all = append(all, User{
			Name: "publisher" + tail, Role: pub + " " + topic + ", or any client", InboxPrefix: InboxPublisher + tail,
			Publish: subjects[i : i+1], Subscribe: []string{InboxPublisher + tail + ".>"},
		})
	}
	return all
}

// creation is what it takes to create the streams. STREAM.NAMES tells which stream
// holds subjects that overlap.
func (r *rights) creation() []string {
	all := []string{apiPrefix + "STREAM.CREATE." + DefaultDeadLetterStream}
	for _, s := range r.streams {
		all = append(all, apiPrefix+"STREAM.CREATE."+s)
	}
	if !r.discovers() { // which has it already
		all = append(all, apiPrefix+"STREAM.NAMES")
	}
	return all
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
func acks(d durableOf) []string {
	tail := d.stream + "." + d.name + ".>"
	return []string{ackPrefix + tail, ackPrefix + "*.*." + tail}
}
