//go:build !linux

package board

// ShedText does nothing.
func ShedText() (bytes int) { return 0 }
