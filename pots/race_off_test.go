//go:build !race

package pots

const raceDetector = false
