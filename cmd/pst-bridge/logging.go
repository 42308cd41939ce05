package main

import (
	"io"
	"log/slog"
)

// logFlags say how a command logs. Logs go to stderr.
type logFlags struct {
	LogFormat string     `group:"Logging" env:"PST_LOG_FORMAT" enum:"text,json" default:"text" help:"Format of the log: text or json."`
	LogLevel  slog.Level `group:"Logging" env:"PST_LOG_LEVEL" default:"info" help:"Least level to log: debug, info, warn or error."`
}

// logger makes the logger that writes to w.
func (f *logFlags) logger(w io.Writer) *slog.Logger {
	opts := &slog.HandlerOptions{Level: f.LogLevel}
	if f.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(w, opts))
	}
	return slog.New(slog.NewTextHandler(w, opts))
}
