package main

import (
	"context"
	"errors"
	"log/slog"
	"os/signal"
	"syscall"

	"github.com/pst-bridge/pst-bridge/bridge"
	"github.com/pst-bridge/pst-bridge/consumer"
)

// operateFlags are those of the commands that look at topics and mend them.
type operateFlags struct {
	Storage  string       `env:"PST_STORAGE" default:"./data" placeholder:"DIR" help:"Directory that holds a <topic>.lance each."`
	Declared schemaFlags  `embed:""`
	Consumer string       `name:"consumer-name" env:"PST_CONSUMER" default:"${consumer}" help:"Base name of the durable consumers: what run calls --consumer."`
	Connect  connectFlags `embed:""`
	Where    streamFlags  `embed:""`
	Log      logFlags     `embed:""`
}

// operate connects, and calls f with a bridge that does not run. create allows it to
// make a missing consumer.
func (o *operateFlags) operate(parent context.Context, std *streams, create bool, f func(context.Context, *bridge.Bridge) error) error {
	ctx, stop := signal.NotifyContext(parent, syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	log := o.Log.logger(std.err)
	conn, streams, err := openExisting(ctx, &o.Connect, &o.Where, log)
	if err != nil {
		return err
	}
	defer conn.Close()
	cfg := bridge.Config{Storage: o.Storage, Schemas: o.Declared.Schema.topics, ConsumerName: o.Consumer, Provision: create && o.Where.Provision, Version: readBuild().Version}
	cfg.Events.State = func(topic string, s bridge.TopicState) {
		log.Debug("topic", slog.String("topic", topic), slog.Any("state", s))
	}
	b, err := bridge.New(cfg, streams)
	if err != nil {
		return usagef("%s", oneLine(err.Error()))
	}
	return f(ctx, b)
}

// openExisting connects, and finds the streams; a command that looks at topics makes none.
// The caller closes the connection.
func openExisting(ctx context.Context, connect *connectFlags, where *streamFlags, log *slog.Logger) (*consumer.Conn, *consumer.Streams, error) {
	want, err := where.config()
	if err != nil {
		return nil, nil, err
	}
	want.Provision = false
	conn, err := connect.connect(ctx, nil, newInstance(), log)
	if err != nil {
		return nil, nil, err
	}
	streams, err := conn.EnsureStreams(ctx, want)
	if err == nil {
		return conn, streams, nil
	}
	conn.Close()
	if errors.Is(err, consumer.ErrNoStream) {
		err = advise(err, "name the stream with --stream; it is made by the first run or pub")
	}
	return nil, nil, err
}

// remedy is what an operator can do about a stop state, shell commands first.
func remedy(topic, reason string) string {
	switch reason {
	case "table_missing":
		return "put the table back; or, if it was dropped on purpose or never made, `pst-bridge doctor --remove " + topic + "` deletes the consumer, and the next run begins anew"
	case "table_replaced":
		return "put the table back whose id the error names; or move this one away"
	case "table_unreadable":
		return "remove what the error says, or restore the object it names from a copy; or `pst-bridge doctor --remove " + topic + "` sets a damaged newest version aside"
	case "ledger_missing", "ledger_unreadable":
		return "`pst-bridge rebuild-ledger " + topic + "` writes it anew from the rows"
	case "ledger_newer":
		return "run the release that wrote it, or a later one"
	case "rolled_back":
		return "`pst-bridge replay " + topic + " --from SEQ` writes what is missing again, if the stream keeps it; `pst-bridge rebind " + topic + " --consumer` goes on without"
	case "stream_rewound":
		return "`pst-bridge rebind " + topic + " --new-epoch --start SEQ`, where SEQ is the first sequence that was given out twice"
	case "stream_recreated":
		return "`pst-bridge rebind " + topic + " --new-epoch --start 1`"
	case "consumer_missing", "consumer_replaced":
		return "`pst-bridge rebind " + topic + " --consumer`; what comes again is dropped as duplicates"
	case "stream_unusable":
		return "make or change the topic's stream as the error says; `pst-bridge run --stream-per-topic --topics " + topic + "` makes it if it is missing"
	case "consumer_unusable":
		return "change the settings that the error names, with `nats consumer edit`"
	case "unsupported":
		return "use a release that knows it, or undo what made the table so"
	case "schema_contradiction":
		return "`pst-bridge schema show " + topic + "` prints the columns as they are; declare the type that the table has, or move the table away"
	case "name_refused":
		return "publish under another topic; see the limits in the README"
	default:
		return ""
	}
}
