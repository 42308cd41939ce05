package manifest

import (
	"fmt"

	"github.com/pst-bridge/pst-bridge/sink/lance/objstore"
)

// Section is one part of a stored version: its 4 bytes of length included, where
// it has them.
type Section struct {
	Name   string `json:"name"`
	Offset uint64 `json:"offset"`
	Length uint64 `json:"length"`
}

// Layout is a stored version and where its parts lie.
type Layout struct {
	Manifest *Manifest
	Sections []Section // in the order of the object
}

// EntryOf returns the version that an object below _versions is; ok is false for
// a name that is no version's.
func EntryOf(info objstore.Info) (e Entry, ok bool) {
	version, scheme, ok := parseKey(info.Key)
	return Entry{Info: info, Version: version, Scheme: scheme}, ok
}

// DecodeLayout is Decode that also tells where everything lies.
func DecodeLayout(e Entry, data []byte) (*Layout, error) {
	m, err := Decode(e, data)
	if err != nil {
		return nil, err
	}
	l := &Layout{Manifest: m}
	add := func(name string, at, length int) {
		l.Sections = append(l.Sections, Section{name, uint64(at), uint64(length)})
	}
	d := decoder{key: e.Key, data: data}
	at, err := d.tail()
	if err != nil {
		return nil, err
	}
	if m.indexes != nil {
		add("index section", int(m.head.GetIndexSection()), lenSize+len(m.indexes))
	}
	if m.inline != nil {
		offset := m.head.GetTransactionSection()
		if m.head.TransactionSection_14 != nil {
			offset = m.head.GetTransactionSection_14()
		}
		add("transaction section", int(offset), lenSize+len(m.inline))
	}
	add("manifest message", int(at), len(data)-tailSize-int(at))
	add("tail", len(data)-tailSize, tailSize)
	return l, nil
}

// Flags returns the feature flags that readers and writers must know.
func (m *Manifest) Flags() (reader, writer uint64) {
	return m.head.ReaderFeatureFlags, m.head.WriterFeatureFlags
}

// FlagNames names the bits of a mask of feature flags; one that this library does
// not know is "flag" and its value.
func FlagNames(mask uint64) []string {
	names := map[uint64]string{
		flagDeletions: "deletion files", flagStableRowIDs: "stable row ids", flagV2Format: "v2 format",
		flagConfig: "table config", flagBasePaths: "base paths", flagNoTransaction: "no transaction files",
	}
	var list []string
	for bit := uint64(1); bit != 0; bit <<= 1 {
		if mask&bit == 0 {
			continue
		}
		name, known := names[bit]
		if !known {
			name = fmt.Sprintf("flag %d", bit)
		}
		list = append(list, name)
	}
	return list
}
