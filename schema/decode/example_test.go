package decode_test

import (
	"fmt"
	"time"

	"github.com/pst-bridge/pst-bridge/schema/decode"
)

func ExampleBatch() {
	b := decode.NewBatch(nil, decode.Options{Seq: true})
	for seq, payload := range []string{
		`{"device":"a","value":20}`,
		`{"device":"a","value":"high"}`,
		`{"device":"b","value":20.5,"tags":["x"]}`,
	} {
		m := decode.Meta{Seq: uint64(seq + 1), Time: time.Now()}
		if _, err := b.Append(m, []byte(payload)); err != nil {
			fmt.Println(err)
		}
	}
	rec, err := b.Record()
	if err != nil {
		fmt.Println(err)
		return
	}
	for i, f := range rec.Schema().Fields() {
		fmt.Println(f.Name, f.Type, rec.Column(i))
	}
	// Output:
	// type: field value: string does not fit int64
	// _nats_seq uint64 [1 3]
	// device utf8 ["a" "b"]
	// value float64 [20 20.5]
	// tags list<item: utf8, nullable> [(null) ["x"]]
}
