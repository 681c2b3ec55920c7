//go:build race

package fetch

// underRace: the race detector's memory is more than any limit leaves to a
// program, so the step that confines it would die of one.
const underRace = true
