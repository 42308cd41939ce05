//go:build !linux

package localfs

// renameNoReplace stands where only Linux has such a call.
func (s *Store) renameNoReplace(_, _ string) error { return errNoPublish }
