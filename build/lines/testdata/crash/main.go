// Command crash dies in the way it is told, after it has used what the
// runtime needs its tables for: stacks that grow and move, collections,
// deferred calls, recovered panics.
package main

import (
	"os"
	"runtime"
	"strings"
)

type named struct{ name string }

func (n named) String() string { return n.name }

type stringer interface{ String() string }

func main() {
	done := make(chan int)
	go func() {
		done <- work(2000)
	}()
	if <-done != 2000 {
		os.Exit(3)
	}
	deep(30, os.Args[1])
}

// work recurses on a stack that must move, with pointers into it.
func work(n int) (sum int) {
	if n == 0 {
		runtime.GC()
		return 0
	}
	var pad [64]byte
	at := &sum
	defer func() {
		if recover() != nil {
			*at++
		}
		if len(strings.Repeat("x", n%7)) != n%7 || pad[0] != 0 {
			os.Exit(4)
		}
	}()
	sum = work(n - 1)
	panic("once more")
}

func deep(n int, way string) {
	if n > 0 {
		deep(n-1, way)
		return
	}
	switch way {
	case "panic":
		panic("told to")
	case "nil":
		var p *named
		println(p.name)
	case "wrapper":
		var s stringer = (*named)(nil)
		println(s.String())
	}
}
