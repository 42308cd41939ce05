package sink

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/pst-bridge/pst-bridge/internal/escape"
)

// TableSuffix ends each table's directory name, as LanceDB expects.
const TableSuffix = ".lance"

// MaxTableName is the longest table name in bytes, suffix excluded; file systems stop at 255.
const MaxTableName = 200

// ErrTableName is wrapped when a topic cannot have a table here.
var ErrTableName = errors.New("topic cannot name a table")

// TableName returns the directory name of a topic's table, without the suffix. It
// is injective. Letters, digits, '_', '.' and '-' stay, which is all LanceDB
// accepts; any other byte becomes _xHH with two upper-case hex digits, and so
// does an underscore that would read as the start of such an escape.
func TableName(topic string) (string, error) {
	if topic == "" || strings.Trim(topic, ".") == "" {
		return "", fmt.Errorf("%w: %q is empty or dots only", ErrTableName, topic)
	}
	name := escape.Bytes(topic, isPlain)
	if len(name) > MaxTableName {
		return "", fmt.Errorf("%w: %q needs %d bytes, file systems allow %d", ErrTableName, topic, len(name), MaxTableName)
	}
	return name, nil
}

// TopicOf is the topic whose table has a directory of the given name; ok is false for
// a name that TableName does not make.
func TopicOf(dir string) (topic string, ok bool) {
	name, ok := strings.CutSuffix(dir, TableSuffix)
	if !ok {
		return "", false
	}
	topic = escape.Undo(name)
	again, err := TableName(topic)
	return topic, err == nil && again == name
}

// Topics lists the topics that have a table in a directory; none where there is no
// directory yet.
func Topics(storage string) ([]string, error) {
	entries, err := os.ReadDir(storage)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("list tables: %w", err)
	}
	var topics []string
	for _, e := range entries {
		if topic, ok := TopicOf(e.Name()); ok {
			topics = append(topics, topic)
		}
	}
	return topics, nil
}

func isPlain(c byte) bool {
	switch {
	case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9':
		return true
	default:
		return c == '_' || c == '.' || c == '-'
	}
}

// checkFolding refuses a table whose name differs from a neighbour's in letter
// case alone, where the file system takes the two for one.
func checkFolding(storage, name string) error {
	entries, err := os.ReadDir(storage)
	if err != nil {
		if errors.Is(err, os.ErrNotExist) {
			return nil
		}
		return fmt.Errorf("list tables: %w", err)
	}
	dir := name + TableSuffix
	for _, e := range entries {
		if e.Name() == dir || !strings.EqualFold(e.Name(), dir) {
			continue
		}
		other, err1 := os.Stat(filepath.Join(storage, e.Name()))
		ours, err2 := os.Stat(filepath.Join(storage, dir))
		if err1 == nil && err2 == nil && os.SameFile(other, ours) {
			return fmt.Errorf("%w: %s and %s are one directory on this file system, which does not tell letter case apart",
				ErrTableName, e.Name(), dir)
		}
	}
	return nil
}
