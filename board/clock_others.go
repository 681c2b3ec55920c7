//go:build !linux

package board

func kernelSynced() bool { return false }

func monotonic() int64 { return 0 }
