package fetch

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

const (
	// watchEvery is how often the directory is measured while git runs. Flash
	// takes some MB in that time.
	watchEvery = 200 * time.Millisecond
	// tellEvery is how often Config.Progress is called at most.
	tellEvery = time.Second
)

// watch measures the directory until stop, and cancels the context it returns
// when there is too much in it, with the reason as cause.
func (j *job) watch(parent context.Context) (ctx context.Context, stop func()) {
	ctx, cancel := context.WithCancelCause(parent)
	var wg sync.WaitGroup
	wg.Go(func() {
		tick := time.NewTicker(watchEvery)
		defer tick.Stop()
		told := time.Now()
		for {
			select {
			case <-ctx.Done():
				return
			case now := <-tick.C:
				if err := j.measure(); err != nil {
					cancel(err)
				}
				if j.cfg.Progress != nil && now.Sub(told) >= tellEvery {
					told = now
					j.cfg.Progress(j.last.text())
				}
			}
		}
	})
	return ctx, func() {
		cancel(nil)
		wg.Wait()
	}
}

// measure tells what is too much in the directory.
func (j *job) measure() error {
	var bytes int64
	files := 0
	err := filepath.WalkDir(j.cfg.Dir, func(_ string, d fs.DirEntry, err error) error {
		var info fs.FileInfo
		if err == nil {
			info, err = d.Info()
		}
		if errors.Is(err, fs.ErrNotExist) {
			return nil // git renames its files
		}
		if err != nil {
			return err
		}
		bytes += onDisk(info)
		if files++; files > j.cfg.MaxFiles+gitFiles {
			return fs.SkipAll
		}
		return nil
	})
	switch {
	case err != nil:
		return err
	case bytes > j.cfg.MaxBytes:
		return j.tooLarge()
	case files > j.cfg.MaxFiles+gitFiles:
		return j.tooMany()
	}
	return j.checkSpace(j.cfg.Dir)
}

// gitFiles is how many files git has for itself at most: one pack, and those
// of an empty repository.
const gitFiles = 100

func (j *job) tooLarge() error {
	return fmt.Errorf("%s: %w: it takes more than %d MiB", show(j.source.URL), ErrTooLarge, (j.cfg.MaxBytes+1<<20-1)>>20)
}

func (j *job) tooMany() error {
	return fmt.Errorf("%s: %w: more than %d", show(j.source.URL), ErrTooMany, j.cfg.MaxFiles)
}

// checkSpace tells when less than the reserve is free.
func (j *job) checkSpace(dir string) error {
	free, err := freeSpace(dir)
	if err == nil && free < j.cfg.Reserve {
		err = fmt.Errorf("%w: %d KiB free in %s, and %d KiB are to stay free", ErrNoSpace, free>>10, dir, j.cfg.Reserve>>10)
	}
	return err
}

// progress keeps the last line that git wrote, as far as it got.
type progress struct {
	mu   sync.Mutex
	line []byte
	done string
}

// maxProgress is the longest line that is kept, in bytes.
const maxProgress = 120

func (p *progress) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range b {
		switch {
		case c == '\r' || c == '\n':
			p.done, p.line = string(p.line), p.line[:0]
		case len(p.line) < maxProgress:
			p.line = append(p.line, c)
		}
	}
	return len(b), nil
}

// text is the last line, in words of an operator.
func (p *progress) text() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if s := strings.TrimSpace(printable(p.done)); s != "" {
		return strings.TrimPrefix(s, "remote: ")
	}
	return "asking the server"
}
