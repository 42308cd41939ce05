package file

import (
	"fmt"

	"github.com/pst-bridge/pst-bridge/sink/lance/encoding/layout"
)

var _ layout.Source = (*pageSource)(nil)

// pageSource reads parts of a stored page. The page's buffers were checked to lie
// in the file.
type pageSource struct {
	file   *Reader
	page   Page
	failed bool // the object could not be read
}

func (s *pageSource) Buffers() int { return len(s.page.buffers) }

func (s *pageSource) Size(buffer int) int { return int(s.page.buffers[buffer].length) }

func (s *pageSource) Read(buffer int, part Span, into []byte) error {
	if err := s.file.readAt(into, s.page.buffers[buffer].position+uint64(part.From)); err != nil {
		s.failed = true
		return fmt.Errorf("buffer %d: %w", buffer, err)
	}
	return nil
}
