// Package board is the machine that the node runs on: how much memory there
// is and what that allows, and where messages to the operator go.
//
// It never guesses: what can't be read is unknown, and unknown is treated as
// the smallest. It reads files under /proc and /sys of at most 16 KB and
// keeps nothing but the log's level.
package board
