package board

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"
)

// Task is one long-lived part of the node.
type Task struct {
	Name string
	Run  func(ctx context.Context) error // returns soon after ctx ends
}

// Tasks is a set of running tasks.
type Tasks struct {
	log  *Log
	done chan struct{}

	mu      sync.Mutex
	running []string
}

// Start runs each task in a goroutine until ctx ends. One that fails before
// is logged, and the others go on.
func Start(ctx context.Context, log *Log, tasks ...Task) *Tasks {
	t := &Tasks{log: log, done: make(chan struct{})}
	for _, task := range tasks {
		t.running = append(t.running, task.Name)
	}
	var wg sync.WaitGroup
	for _, task := range tasks {
		wg.Go(func() {
			if err := task.Run(ctx); err != nil {
				log.Errorf("%s: %v", task.Name, err)
			}
			t.ended(task.Name)
		})
	}
	go func() {
		wg.Wait()
		close(t.done)
	}()
	return t
}

func (t *Tasks) ended(name string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	i := slices.Index(t.running, name)
	t.running = slices.Delete(t.running, i, i+1)
}

// Wait waits until all tasks have returned, at most for so long. It returns
// the names of those that have not.
func (t *Tasks) Wait(most time.Duration) (stuck []string) {
	timer := time.NewTimer(most)
	defer timer.Stop()
	select {
	case <-t.done:
		return nil
	case <-timer.C:
	}
	t.mu.Lock()
	stuck = slices.Clone(t.running)
	t.mu.Unlock()
	if len(stuck) > 0 {
		t.log.Errorf("not stopped within %v: %s", most, strings.Join(stuck, ", "))
	}
	return stuck
}
