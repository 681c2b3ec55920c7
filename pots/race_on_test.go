//go:build race

package pots

// raceDetector: its sync.Pool forgets on purpose, so allocations can't be
// counted under it.
const raceDetector = true
