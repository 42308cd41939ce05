package embedded

import (
	"context"
	"fmt"
	"log/slog"
)

// logger passes the server's log on. What the server calls a notice is debug
// here: the bridge's own log says what a user needs.
type logger struct {
	log   *slog.Logger
	fatal chan string // capacity 1: the first fatal message, which ends a start
}

func (l logger) put(level slog.Level, format string, args []any) {
	if ctx := context.Background(); l.log.Enabled(ctx, level) {
		l.log.Log(ctx, level, fmt.Sprintf(format, args...))
	}
}

func (l logger) Noticef(format string, v ...any) { l.put(slog.LevelDebug, format, v) }
func (l logger) Warnf(format string, v ...any)   { l.put(slog.LevelDebug, format, v) }
func (l logger) Debugf(format string, v ...any)  { l.put(slog.LevelDebug, format, v) }
func (l logger) Tracef(format string, v ...any)  { l.put(slog.LevelDebug, format, v) }
func (l logger) Errorf(format string, v ...any)  { l.put(slog.LevelWarn, format, v) }

// Fatalf keeps the server from ending the process: Start returns the message.
func (l logger) Fatalf(format string, v ...any) {
	l.put(slog.LevelError, format, v)
	select {
	case l.fatal <- fmt.Sprintf(format, v...):
	default:
	}
}
