package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/pst-bridge/pst-bridge/bridge"
)

// heartbeatLimit is how long the process loop may stay silent before /healthz
// calls it dead.
const heartbeatLimit = 30 * time.Second

// listenHTTP opens the address of --http; an empty one means no HTTP.
func listenHTTP(ctx context.Context, addr string) (net.Listener, error) {
	if addr == "" {
		return nil, nil
	}
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, advise(fmt.Errorf("serve HTTP: %w", err), `choose another address with --http, or --http="" for none`)
	}
	return l, nil
}

// health is what the probes ask.
type health struct {
	connected func() bool
	status    func() map[string]bridge.TopicState
	beat      atomic.Int64 // when the process loop last went round, Unix nanoseconds
}

// alive notes that the process loop went round.
func (h *health) alive() { h.beat.Store(time.Now().UnixNano()) }

// handler serves /metrics, /healthz and /readyz.
func (h *health) handler(m *metrics) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{
		Registry: m.registry, MaxRequestsInFlight: 4, Timeout: 10 * time.Second, EnableOpenMetrics: true,
	}))
	mux.HandleFunc("GET /healthz", h.healthz)
	mux.HandleFunc("GET /readyz", h.readyz)
	return mux
}

// healthz answers whether this process works at all. It does not look at NATS:
// restarting the bridge does not bring a server back.
func (h *health) healthz(w http.ResponseWriter, _ *http.Request) {
	silent := time.Since(time.Unix(0, h.beat.Load()))
	if silent > heartbeatLimit {
		answer(w, http.StatusServiceUnavailable, map[string]any{"alive": false, "silent_seconds": silent.Seconds()})
		return
	}
	answer(w, http.StatusOK, map[string]any{"alive": true})
}

// notReady is one reason why /readyz says no.
type notReady struct {
	Topic  string `json:"topic,omitempty"`
	State  string `json:"state"`
	Detail string `json:"detail,omitempty"`
}

// readyz answers whether messages reach their tables: connected, and no topic
// stopped or failing.
func (h *health) readyz(w http.ResponseWriter, _ *http.Request) {
	reasons := []notReady{}
	if !h.connected() {
		reasons = append(reasons, notReady{State: "disconnected", Detail: "no connection to NATS; it is being made again"})
	}
	for topic, s := range h.status() {
		if s.Phase != bridge.PhaseStopped && s.Phase != bridge.PhaseRetrying {
			continue
		}
		r := notReady{Topic: topic, State: string(s.Phase)}
		if s.Reason != "" {
			r.State = s.Reason
		}
		if s.Err != nil {
			r.Detail = oneLine(s.Err.Error())
		}
		reasons = append(reasons, r)
	}
	slices.SortFunc(reasons, func(a, b notReady) int { return strings.Compare(a.Topic, b.Topic) })
	code := http.StatusOK
	if len(reasons) > 0 {
		code = http.StatusServiceUnavailable
	}
	answer(w, code, map[string]any{"ready": len(reasons) == 0, "reasons": reasons})
}

// answer writes v as JSON. A client that went away is none of our concern.
func answer(w http.ResponseWriter, code int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(v)
}

// serveHTTP serves on l, if it is not nil, until stop is called; stop waits for
// the server to end. An error of the server goes to failed.
func serveHTTP(l net.Listener, h http.Handler, failed func(error)) (stop func()) {
	if l == nil {
		return func() {}
	}
	srv := &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      30 * time.Second,
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    16 << 10,
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := srv.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			failed(err)
		}
	}()
	return func() {
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		defer cancel()
		if srv.Shutdown(ctx) != nil {
			_ = srv.Close() // requests that do not end in time are cut off
		}
		<-done
	}
}
