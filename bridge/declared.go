package bridge

import (
	"errors"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/pst-bridge/pst-bridge/schema"
	"github.com/pst-bridge/pst-bridge/schema/decode"
	"github.com/pst-bridge/pst-bridge/sink"
)

// AnyTopic is the name in Config.Schemas of what is declared for all other topics.
const AnyTopic = "*"

// declaration is what is declared of a topic, nil for nothing.
func (c *Config) declaration(topic string) *schema.Declaration {
	if d, ok := c.Schemas[topic]; ok {
		return d
	}
	return c.Schemas[AnyTopic]
}

// decoding are the options with which messages of the topic are decoded for its table,
// which is open.
func (p *pipeline) decoding() decode.Options {
	o := p.cfg.Columns.options()
	o.Declared = p.cfg.declaration(p.topic)
	o.Widen = p.sink.MayWiden
	return o
}

// checkTable returns a StopError where no message could become a row of the table, or
// the table is not what is declared.
func (p *pipeline) checkTable(table *arrow.Schema) error {
	err := decode.Check(table, p.decode)
	if err == nil {
		return nil
	}
	var contradiction *schema.Contradiction
	if errors.As(err, &contradiction) {
		return &sink.StopError{Reason: sink.SchemaContradiction, Err: err}
	}
	return &sink.StopError{Reason: sink.Unsupported, Err: err}
}
