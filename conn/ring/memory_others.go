//go:build !linux

package ring

import (
	"errors"
	"os"
)

func reserve(size int) ([]byte, error) { return make([]byte, size), nil }

func release([]byte) {}

func discard([]byte) {}

func memoryFile() (*os.File, error) { return nil, errors.ErrUnsupported }
