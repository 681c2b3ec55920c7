// Package board is the machine that the node runs on: how much memory there is
// and what that allows, what the node gives up before strangers talk to it, who
// watches it (systemd, procd, a watchdog device, a file for watchdog(8)) and
// the proof that lets them be fed, its clock, its light, its name, and where
// messages to the operator go. One file a device.
//
// It never guesses: what can't be read is unknown, and unknown is treated as
// the smallest. It reads files under /proc and /sys of at most 16 KB, runs
// nothing but the node itself, and writes only what an option names and how this
// run ended.
package board
