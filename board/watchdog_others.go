//go:build !linux

package board

import (
	"errors"
	"os"
)

func openWatchdogDevice(string, *os.File) (watchdogDevice, error) { return nil, errors.ErrUnsupported }
func isBusy(error) bool                                           { return false }
func releaseWatchdog(f *os.File) error                            { return f.Close() }
