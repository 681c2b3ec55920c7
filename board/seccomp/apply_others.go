//go:build !linux || !(amd64 || arm64 || arm || mips || mipsle || riscv64)

package seccomp

// Apply can't here.
func Apply(List, Options) error { return ErrNone }

// ApplyThread can't here.
func ApplyThread(List, Options) error { return ErrNone }
