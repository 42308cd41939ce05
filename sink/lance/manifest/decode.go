package manifest

import (
	"encoding/binary"
	"fmt"
	"math"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/pst-bridge/pst-bridge/sink/lance/corrupt"
	"github.com/pst-bridge/pst-bridge/sink/lance/fields"
	"github.com/pst-bridge/pst-bridge/sink/lance/internal/lancepb"
)

const (
	magic    = "LANC"
	tailSize = 16 // offset of the manifest message, u16 major, u16 minor, magic
	lenSize  = 4

	// The version in the tail is that of the container, not of the data files.
	tailMajor, tailMinor = 0, 2
	tailMinorOld         = 1 // the same bytes, as pylance 0.22 and 0.39 wrote them

	fragmentsField protowire.Number = 2
)

// Decode reads a version from its bytes, which it keeps: do not change them.
// Damage, an empty object included, is a corrupt.Error that names the key; a
// reader feature flag unknown here gives fields.ErrUnsupported.
func Decode(entry Entry, data []byte) (*Manifest, error) {
	d := decoder{key: entry.Key, data: data}
	at, err := d.tail()
	if err != nil {
		return nil, err
	}
	message, err := d.section("manifest message", at)
	if err != nil {
		return nil, err
	}
	if end := at + lenSize + uint64(len(message)); end != uint64(len(data))-tailSize {
		return nil, corrupt.Errorf(entry.Key, "manifest message", int64(at), "ends at %d, the tail begins at %d", end, len(data)-tailSize)
	}
	m := &Manifest{entry: entry, stats: newStats()}
	if err := m.parse(message); err != nil {
		return nil, corrupt.Errorf(entry.Key, "manifest message", int64(at), "%w", err)
	}
	if err := checkReadable(m.head.ReaderFeatureFlags); err != nil {
		return nil, fmt.Errorf("%s: %w", entry.Key, err)
	}
	if m.head.Version != entry.Version {
		return nil, corrupt.Errorf(entry.Key, "manifest message", int64(at), "holds version %d, its name says %d", m.head.Version, entry.Version)
	}
	if m.schema, err = fields.FromProto(m.head.Fields, m.head.SchemaMetadata); err != nil {
		return nil, fmt.Errorf("%s: %w", entry.Key, err)
	}
	m.head.Fields, m.head.SchemaMetadata = nil, nil // kept by the schema
	return m, d.sections(m)
}

type decoder struct {
	key  string
	data []byte
}

// tail returns the offset of the manifest message.
func (d *decoder) tail() (uint64, error) {
	if len(d.data) < tailSize {
		return 0, corrupt.Errorf(d.key, "tail", 0, "the manifest has %d bytes, too few for its tail: it was never written whole", len(d.data))
	}
	tail := d.data[len(d.data)-tailSize:]
	if string(tail[12:]) != magic {
		return 0, corrupt.Errorf(d.key, "tail", int64(len(d.data)-4), "magic is %q, not %q: it was not written whole", tail[12:], magic)
	}
	major, minor := binary.LittleEndian.Uint16(tail[8:]), binary.LittleEndian.Uint16(tail[10:])
	if major != tailMajor || minor != tailMinor && minor != tailMinorOld {
		return 0, fmt.Errorf("%s: manifest container version %d.%d: %w", d.key, major, minor, fields.ErrUnsupported)
	}
	return binary.LittleEndian.Uint64(tail), nil
}

// section returns the length-prefixed bytes at an offset.
func (d *decoder) section(name string, at uint64) ([]byte, error) {
	limit := uint64(len(d.data) - tailSize)
	if at > limit || limit-at < lenSize {
		return nil, corrupt.Errorf(d.key, name, -1, "offset %d lies outside of %d bytes", at, limit)
	}
	length := uint64(binary.LittleEndian.Uint32(d.data[at:]))
	begin := at + lenSize
	if length > limit-begin {
		return nil, corrupt.Errorf(d.key, name, int64(at), "length %d exceeds the %d bytes that follow", length, limit-begin)
	}
	return d.data[begin : begin+length : begin+length], nil
}

// sections finds the sections that stand before the manifest message.
func (d *decoder) sections(m *Manifest) (err error) {
	if m.head.IndexSection != nil {
		if m.indexes, err = d.section("index section", *m.head.IndexSection); err != nil {
			return err
		}
	}
	at := m.head.TransactionSection
	if m.head.TransactionSection_14 != nil {
		at = m.head.TransactionSection_14 // Lance 14 writes this one, and it wins
	}
	if at != nil {
		m.inline, err = d.section("transaction section", *at)
	}
	return err
}

// parse splits the fragments off the message, so that they stay bytes, and decodes
// the rest of it.
func (m *Manifest) parse(message []byte) error {
	rest := make([]byte, 0, 4096)
	var scratch Fragment
	for at := message; len(at) > 0; {
		num, typ, tag := protowire.ConsumeTag(at)
		if tag < 0 {
			return protowire.ParseError(tag)
		}
		size := protowire.ConsumeFieldValue(num, typ, at[tag:])
		if size < 0 {
			return protowire.ParseError(size)
		}
		if num != fragmentsField {
			rest = append(rest, at[:tag+size]...)
			at = at[tag+size:]
			continue
		}
		if typ != protowire.BytesType {
			return fmt.Errorf("fragment %d: %w", len(m.fragments), errWireType)
		}
		fragment, _ := protowire.ConsumeBytes(at[tag:])
		at = at[tag+size:]
		err := scratch.decode(fragment)
		if err == nil {
			err = m.stats.add(&scratch)
		}
		if err != nil {
			return fmt.Errorf("fragment %d: %w", len(m.fragments), err)
		}
		m.fragments = append(m.fragments, fragment[:len(fragment):len(fragment)])
	}
	m.head = &lancepb.Manifest{}
	return proto.Unmarshal(rest, m.head)
}

// encode lays out the object, sets the offsets of its sections in the message, and
// the key and size of the entry.
func (m *Manifest) encode() ([]byte, error) {
	size := tailSize + 3*lenSize + len(m.indexes) + len(m.inline) + 4096
	for _, f := range m.fragments {
		size += len(f) + 8
	}
	data := make([]byte, 0, size)
	section := func(content []byte) *uint64 {
		if content == nil {
			return nil
		}
		at := uint64(len(data))
		data = binary.LittleEndian.AppendUint32(data, uint32(len(content)))
		data = append(data, content...)
		return &at
	}
	m.head.IndexSection = section(m.indexes)
	// The number that every release reads. The newer one would hold another file's offset.
	m.head.TransactionSection, m.head.TransactionSection_14 = section(m.inline), nil

	begin := len(data)
	data = append(data, 0, 0, 0, 0)
	message := proto.CloneOf(m.head)
	message.Fields, message.SchemaMetadata = m.schema.Proto(), m.schema.ProtoMetadata()
	data, err := proto.MarshalOptions{Deterministic: true}.MarshalAppend(data, message)
	if err != nil {
		return nil, fmt.Errorf("encode manifest of version %d: %w", m.head.Version, err)
	}
	for _, f := range m.fragments {
		data = protowire.AppendTag(data, fragmentsField, protowire.BytesType)
		data = protowire.AppendBytes(data, f)
	}
	length := len(data) - begin - lenSize
	if length > math.MaxInt32 {
		return nil, fmt.Errorf("encode manifest of version %d: %d bytes are more than a message can have", m.head.Version, length)
	}
	binary.LittleEndian.PutUint32(data[begin:], uint32(length))
	data = binary.LittleEndian.AppendUint64(data, uint64(begin))
	data = binary.LittleEndian.AppendUint16(data, tailMajor)
	data = binary.LittleEndian.AppendUint16(data, tailMinor)
	data = append(data, magic...)
	m.entry.Size = int64(len(data))
	return data, nil
}
