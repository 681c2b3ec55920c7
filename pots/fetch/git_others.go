//go:build !linux

package fetch

import (
	"math"
	"os"
	"os/exec"
)

func confine(*exec.Cmd, uint32) {}

func killGroup(cmd *exec.Cmd) error { return cmd.Process.Kill() }

func limit(int, int64) {}

func freeSpace(string) (int64, error) { return math.MaxInt64, nil }

func onDisk(info os.FileInfo) int64 { return info.Size() }

func isNoSpace(error) bool { return false }
