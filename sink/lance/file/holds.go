package file

import "github.com/pst-bridge/pst-bridge/sink/lance/fields"

// Holds tells why files of a version cannot hold the fields of s; the error names one.
func Holds(s *fields.Schema, v Version) error {
	if err := checkVersion(s, v); err != nil {
		return err
	}
	_, err := newColumns(s)
	return err
}
