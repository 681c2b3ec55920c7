//go:build !linux

package board

func kernelSynced() bool { return false }
