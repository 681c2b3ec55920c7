package pots

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"forager/conn/ring"
)

// webEvent is an event of a web pot.
type webEvent struct {
	typ  string
	data map[string]any
}

// String is what a table compares.
func (e webEvent) String() string {
	d := e.data
	text := func(key string) string {
		if v, ok := d[key+"_escaped"]; ok {
			return "\\" + fmt.Sprint(v)
		}
		if v, ok := d[key]; ok {
			return fmt.Sprint(v)
		}
		return "-"
	}
	switch e.typ {
	case "request":
		s := fmt.Sprintf("%s %s %s %s", text("method"), text("url"), text("version"), text("status"))
		for _, key := range []string{"signature", "body", "error"} {
			if v := text(key); v != "-" {
				s += " " + key + "=" + v
			}
		}
		return s
	case "login.failed":
		return fmt.Sprintf("login %s %s:%s", text("auth"), text("username"), text("password"))
	case "session.file_download":
		return "download " + text("url")
	case "session.data":
		return "data " + text("payload")
	}
	return e.typ
}

// web is a web pot that is never started.
type web struct {
	n *node
	i *instance
}

func newWeb(t *testing.T, line string) *web {
	t.Helper()
	n := newNode(t, Config{StateDir: t.TempDir()})
	t.Cleanup(n.ring.Close)
	return &web{n, n.handlerOf(line)}
}

// talk says text in pieces, and returns what was heard and what was told.
func (w *web) talk(text string, piece int) (heard string, told []webEvent) {
	w.n.t.Helper()
	peer := &mute{say: []byte(text), chunk: piece}
	w.n.serve(w.i, peer)
	return string(peer.heard), w.told()
}

func (w *web) told() (list []webEvent) {
	w.n.t.Helper()
	for w.n.ring.Peek(w.n.batch) > 0 {
		var e ring.Event
		for w.n.batch.Next(&e) {
			data := map[string]any{}
			mustNot(w.n.t, json.Unmarshal(e.Data, &data))
			list = append(list, webEvent{strings.TrimPrefix(string(e.Type), string(e.Pot)+"."), data})
		}
		w.n.ring.Forget(w.n.batch.Last())
	}
	return list
}

func lines(list []webEvent) string {
	var b strings.Builder
	for _, e := range list {
		fmt.Fprintln(&b, e)
	}
	return b.String()
}

// statuses are those of the answers in a stream.
func statuses(heard string) string {
	var list []string
	for _, part := range strings.Split(heard, "HTTP/1.1 ")[1:] {
		list = append(list, part[:3])
	}
	return strings.Join(list, " ")
}
