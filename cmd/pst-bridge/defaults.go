package main

import (
	"strconv"

	"github.com/alecthomas/kong"

	"github.com/pst-bridge/pst-bridge/bridge"
	"github.com/pst-bridge/pst-bridge/consumer"
)

// flagDefaults are the defaults that flags take from the packages they
// configure, so that help never tells another story than the code.
func flagDefaults() kong.Vars {
	return kong.Vars{
		"stream":         consumer.DefaultStream,
		"subject_prefix": consumer.DefaultPrefix,
		"consumer":       consumer.DefaultConsumer,
		"batch_size":     strconv.Itoa(bridge.DefaultBatchRows),
		"batch_bytes":    Bytes(bridge.DefaultBatchBytes).String(),
		"memory":         Bytes(bridge.DefaultMemory).String(),
		"flush_interval": bridge.DefaultFlushInterval.String(),
		"encoders":       strconv.Itoa(bridge.DefaultEncoders),
	}
}
