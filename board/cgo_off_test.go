//go:build !cgo

package board

const cgo = false
