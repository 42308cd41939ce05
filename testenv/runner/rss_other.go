//go:build !linux

package runner

import "errors"

// PeakRSS is not told here.
func (p *Process) PeakRSS() (int64, error) {
	return 0, errors.ErrUnsupported
}
