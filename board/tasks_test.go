package board

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"
)

func TestTasks(t *testing.T) {
	var log bytes.Buffer
	ctx, cancel := context.WithCancel(t.Context())
	release := make(chan struct{})
	tasks := Start(ctx, NewLog(&log, LevelInfo),
		Task{"broken", func(context.Context) error { return errors.New("no luck") }},
		Task{"good", func(ctx context.Context) error { <-ctx.Done(); return nil }},
		Task{"stuck", func(context.Context) error { <-release; return nil }},
	)
	cancel()
	for {
		if stuck := tasks.Wait(time.Millisecond); len(stuck) == 1 && stuck[0] == "stuck" {
			break
		} else if len(stuck) == 0 {
			t.Fatal("nothing is stuck")
		}
	}
	close(release)
	if stuck := tasks.Wait(time.Minute); stuck != nil {
		t.Errorf("%v after its release", stuck)
	}
	for _, want := range []string{"error: broken: no luck\n", "not stopped within 1ms: stuck\n"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("%q is missing in the log:\n%s", want, &log)
		}
	}
}
