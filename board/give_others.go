//go:build !linux

package board

import "errors"

// GiveDir can't here.
func GiveDir(string, Account) error { return errors.ErrUnsupported }

// GiveSocket can't here.
func GiveSocket(string, Account) error { return errors.ErrUnsupported }
