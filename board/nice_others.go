//go:build !linux

package board

import "errors"

// SetNice can't here.
func SetNice(int) error { return errors.ErrUnsupported }

// Nice can't tell here.
func Nice() (int, error) { return 0, errors.ErrUnsupported }
