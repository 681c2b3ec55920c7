//go:build !linux

package fetch

import (
	"math"
	"os"
)

func freeSpace(string) (int64, error) { return math.MaxInt64, nil }

func onDisk(info os.FileInfo) int64 { return info.Size() }

func isNoSpace(error) bool { return false }
