//go:build !linux

package board

import "errors"

// ErrNoAmbient is Linux's.
var ErrNoAmbient = errors.New("no ambient capabilities")

// Become can't here.
func Become(Account, Capabilities) error { return errors.ErrUnsupported }

// Keep can't here.
func Keep(Capabilities) error { return errors.ErrUnsupported }

// NoNewPrivileges can't here.
func NoNewPrivileges() error { return errors.ErrUnsupported }

// Undumpable can't here.
func Undumpable(bool) error { return errors.ErrUnsupported }
