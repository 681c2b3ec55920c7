//go:build !race

package pots

// intakeRace is whether the race detector is on, which is slow and large.
const intakeRace = false
