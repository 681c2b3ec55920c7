//go:build !linux

package board

import "errors"

// Protect can't here.
func (p Protection) Protect() (done Protected, problems []error, err error) {
	if p.Account != "" {
		return done, nil, errors.ErrUnsupported
	}
	return done, nil, nil
}
