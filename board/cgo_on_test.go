//go:build cgo

package board

// cgo: the runtime may not reach all threads of this program.
const cgo = true
