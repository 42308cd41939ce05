package localfs

import "os"

const (
	syncFlag = os.O_RDWR // FlushFileBuffers wants a writable handle
	dirSync  = false     // and takes no directory
)
