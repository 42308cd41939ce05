package main

import (
	"github.com/pst-bridge/pst-bridge/consumer"
)

// streamFlags say which stream carries the topics, and how it is made if it is
// missing. An existing stream is verified and never changed.
type streamFlags struct {
	Stream        string `group:"Stream" env:"PST_STREAM" default:"${stream}" help:"Stream that holds the topics."`
	SubjectPrefix string `group:"Stream" env:"PST_SUBJECT_PREFIX" default:"${subject_prefix}" help:"Subject tokens before the topic."`
	PerTopic      bool   `group:"Stream" name:"stream-per-topic" env:"PST_STREAM_PER_TOPIC" help:"Each topic has a stream of its own, <stream>_<topic>, with its own byte limit: one that is full holds up no other's publishers. All workers, pub and the commands for operators take the same."`
	Provision     bool   `group:"Stream" env:"PST_PROVISION" default:"true" negatable:"" help:"Create a missing stream, consumer or dead-letter stream; --provision=false creates nothing."`
	Retention     string `group:"Stream" env:"PST_RETENTION" enum:"work-queue,limits" default:"work-queue" help:"A new stream's retention: work-queue drops a message once it is in the table, limits keeps it."`
	EnableWAL     bool   `group:"Stream" name:"enable-wal" env:"PST_ENABLE_WAL" default:"true" negatable:"" help:"A new stream's storage: file; --enable-wal=false is the server's memory, and what is not yet in a table is lost when the server stops."`
	MaxWALSize    Bytes  `group:"Stream" name:"max-wal-size" env:"PST_MAX_WAL_SIZE" default:"0" placeholder:"SIZE" help:"A new stream's byte limit, such as 100MB; beyond it publishers get an error, of all topics of the stream (see --stream-per-topic). From 80 % on batches are written whatever their size. 0: none."`
}

// config is the consumer package's form of the flags.
func (f *streamFlags) config() (consumer.StreamConfig, error) {
	retention, err := consumer.ParseRetention(f.Retention)
	if err != nil {
		return consumer.StreamConfig{}, usagef("--%s", err)
	}
	return consumer.StreamConfig{
		Name:      f.Stream,
		Prefix:    f.SubjectPrefix,
		Provision: f.Provision,
		PerTopic:  f.PerTopic,
		Retention: retention,
		MaxBytes:  int64(f.MaxWALSize),
		Memory:    !f.EnableWAL,
	}, nil
}
