//go:build !windows

package localfs

import "os"

const (
	syncFlag = os.O_RDONLY // a file opened for reading can be fsynced
	dirSync  = true        // and so can a directory
)
