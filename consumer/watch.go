package consumer

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

var (
	// ErrPermission is wrapped by every call that failed because the server
	// denied a subject. The message names the subject.
	ErrPermission = errors.New("permission denied")
	// ErrClosed is wrapped by every call on a closed connection, also by those
	// that waited when it was closed.
	ErrClosed = errors.New("connection closed")
)

// nats.go reports a denied publish and a closed connection to handlers, and
// lets the call that caused it time out. A watcher brings such a report back to
// the call: while registered, notify is called with each error that match
// accepts. A closed connection concerns every watcher.
type watcher struct {
	match  func(subject string) bool
	notify func(error)
}

// watch registers a watcher; the returned func removes it. notify runs on a
// goroutine of the connection, possibly once more while stop runs.
func (c *Conn) watch(match func(string) bool, notify func(error)) (stop func()) {
	w := &watcher{match: match, notify: notify}
	c.mu.Lock()
	c.mu.watchers[w] = struct{}{}
	closed := c.mu.closed
	c.mu.Unlock()
	if closed {
		notify(ErrClosed)
	}
	return func() {
		c.mu.Lock()
		delete(c.mu.watchers, w)
		c.mu.Unlock()
	}
}

// OnDenied calls f, on a goroutine of the connection, whenever the server denies this
// subject or the inbox to which it would be answered, until stop is called: nats.go
// itself lets a denied publish wait for its acknowledgement.
func (c *Conn) OnDenied(subject string, f func(error)) (stop func()) {
	return c.watch(func(denied string) bool {
		return denied == subject || strings.HasPrefix(denied, c.inboxPrefix)
	}, f)
}

func (c *Conn) tell(err error, concerns func(*watcher) bool) {
	c.mu.Lock()
	var told []*watcher
	for w := range c.mu.watchers {
		if concerns(w) {
			told = append(told, w)
		}
	}
	c.mu.Unlock()
	for _, w := range told {
		w.notify(err)
	}
}

func (c *Conn) onError(_ *nats.Conn, sub *nats.Subscription, err error) {
	if c.events.Error != nil {
		c.events.Error(err)
	}
	if errors.Is(err, nats.ErrSlowConsumer) && sub != nil {
		lost := fmt.Errorf("subscription %s: messages were dropped: %w", sub.Subject, err)
		c.tell(lost, func(w *watcher) bool { return w.match(sub.Subject) })
		return
	}
	denied, ok := deniedSubject(err)
	if !ok {
		return
	}
	err = permissionError(err)
	if strings.HasPrefix(denied, c.inboxPrefix) {
		c.mu.Lock()
		c.mu.inboxDenied = err
		c.mu.Unlock()
	}
	c.tell(err, func(w *watcher) bool { return w.match(denied) })
}

func (c *Conn) onClosed(nc *nats.Conn) {
	reason := nc.LastError()
	c.mu.Lock()
	c.mu.closed = true
	c.mu.Unlock()
	err := ErrClosed
	if reason != nil {
		err = fmt.Errorf("%w: %w", ErrClosed, reason)
	}
	c.tell(err, func(*watcher) bool { return true })
	if c.events.Closed != nil {
		c.events.Closed(reason)
	}
}

func (c *Conn) onDisconnect(_ *nats.Conn, err error) {
	if c.events.Disconnected != nil {
		c.events.Disconnected(err)
	}
}

func (c *Conn) onReconnect(nc *nats.Conn) {
	c.generation.Add(1)
	c.mu.Lock()
	c.mu.inboxDenied = nil // permissions may be others now; a denial comes again
	c.mu.Unlock()
	if c.events.Reconnected != nil {
		c.events.Reconnected(withoutUser(nc.ConnectedUrl()))
	}
}

// isAPI reports whether a denied subject is one of the JetStream API. A server of the
// domain itself checks, and names, the subject without the domain.
func (c *Conn) isAPI(denied string) bool {
	return strings.HasPrefix(denied, c.api) || strings.HasPrefix(denied, apiPrefix)
}

// apiPrefix begins the subjects of the JetStream API without a domain.
const apiPrefix = "$JS.API."

// deniedSubject returns the subject of a permission violation.
func deniedSubject(err error) (string, bool) {
	if !errors.Is(err, nats.ErrPermissionViolation) {
		return "", false
	}
	_, rest, found := strings.Cut(err.Error(), `"`)
	subject, _, closed := strings.Cut(rest, `"`)
	return subject, found && closed
}

func permissionError(err error) error {
	return fmt.Errorf("%w: %w; let the user's permissions allow this subject", ErrPermission, err)
}

const (
	// answerWait is how long one question to the JetStream API may go without an
	// answer. A server that goes down or loses an election takes questions with it,
	// and then nothing ever answers them.
	answerWait = 3 * time.Second
	// askFor is how long a question is repeated where the caller sets no deadline.
	askFor = 15 * time.Second
)

// request runs one exchange with the JetStream API and returns its error with
// the act, or the reason that nats.go kept from it. Without an answer it asks
// again, until ctx ends, or for askFor if ctx has no deadline: so f must be safe to
// repeat. A denied API subject concerns the exchange if it holds every one of names
// as a token.
func request[T any](ctx context.Context, c *Conn, act string, names []string, f func(context.Context) (T, error)) (T, error) {
	match := func(denied string) bool {
		if strings.HasPrefix(denied, c.inboxPrefix) {
			return true
		}
		if !c.isAPI(denied) {
			return false
		}
		for _, name := range names {
			if !strings.Contains(denied+".", "."+name+".") {
				return false
			}
		}
		return true
	}
	if _, bounded := ctx.Deadline(); !bounded {
		var end context.CancelFunc
		ctx, end = context.WithTimeout(ctx, askFor)
		defer end()
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stop := c.watch(match, func(err error) { cancel(err) })
	defer stop()
	for {
		v, err := ask(ctx, f)
		if err == nil {
			return v, nil
		}
		err = c.explain(ctx, err)
		if ctx.Err() != nil || !errors.Is(err, context.DeadlineExceeded) {
			var zero T
			return zero, fmt.Errorf("%s: %w", act, err)
		}
	}
}

// ask runs f once, for answerWait at most.
func ask[T any](ctx context.Context, f func(context.Context) (T, error)) (T, error) {
	ctx, cancel := context.WithTimeout(ctx, answerWait)
	defer cancel()
	return f(ctx)
}

// explain replaces an error that only says that no answer came by its reason.
func (c *Conn) explain(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); errors.Is(cause, ErrPermission) || errors.Is(cause, ErrClosed) {
		return cause
	}
	c.mu.Lock()
	inboxDenied := c.mu.inboxDenied
	c.mu.Unlock()
	switch {
	case errors.Is(err, nats.ErrConnectionClosed):
		return fmt.Errorf("%w: %w", ErrClosed, err)
	case errors.Is(err, jetstream.ErrJetStreamNotEnabled), errors.Is(err, jetstream.ErrJetStreamNotEnabledForAccount):
		return fmt.Errorf("%w; enable JetStream on the server (nats-server -js) and for this account", err)
	case errors.Is(err, nats.ErrNoResponders):
		return fmt.Errorf("%w: nothing serves %s; enable JetStream there, or check --js-domain", err, strings.TrimSuffix(c.api, "."))
	case inboxDenied != nil && errors.Is(err, context.DeadlineExceeded):
		return inboxDenied
	case errors.Is(err, context.DeadlineExceeded) && !c.nc.IsConnected():
		return fmt.Errorf("%w: not connected to a NATS server at the moment (last error: %w)", err, lastError(c.nc))
	}
	return err
}

func lastError(nc *nats.Conn) error {
	if err := nc.LastError(); err != nil {
		return err
	}
	return nats.ErrDisconnected
}
