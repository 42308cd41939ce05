package main

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// Why a run was cut short.
var (
	errSecondSignal    = errors.New("a second signal arrived before the drain was done")
	errShutdownTimeout = errors.New("the drain took longer than --shutdown-timeout")
)

// interrupts turns signals into the two ways of stopping: the first SIGTERM or
// SIGINT, or asked being closed, closes drain; a later signal, or timeout after
// that, cancels ctx with the reason as its cause. asked may be nil. stop gives
// signals back to the system and waits for the watching goroutine.
func interrupts(parent context.Context, asked <-chan struct{}, timeout time.Duration) (ctx context.Context, drain <-chan struct{}, stop func()) {
	ctx, cancel := context.WithCancelCause(parent)
	signals := make(chan os.Signal, 2) // two: the drain and the second thought must both fit
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	first := make(chan struct{})
	done := make(chan struct{})
	go func() {
		defer close(done)
		select {
		case <-ctx.Done():
			return
		case <-signals:
		case <-asked:
		}
		close(first)
		limit := time.NewTimer(timeout)
		defer limit.Stop()
		select {
		case <-ctx.Done():
		case <-signals:
			cancel(errSecondSignal)
		case <-limit.C:
			cancel(errShutdownTimeout)
		}
	}()
	return ctx, first, func() {
		signal.Stop(signals)
		cancel(nil)
		<-done
	}
}
