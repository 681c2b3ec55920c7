//go:build linux

package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
)

// roleCore is the first argument that makes this program the receiver.
const roleCore = "core"

const (
	ack      = `{"version":2,"message":{"RegistrationAck":{"node_id":42,"accepted":true,"message":"ok"}}}` + "\n"
	eventTag = `{"version":2,"message":{"PotEvent":{`
)

// receiver takes one connection and keeps all it says. While it receives it
// only counts newlines; what they are is looked at afterwards.
type receiver struct {
	want   int    // events, or bytes with raw
	tag    string // what shows that a frame is one of them
	raw    bool   // nobody registers
	corpus string // the lines that the events must hold, in turn
	touch  int    // bytes of memory to have ready

	data   []byte
	lines  int // newlines in data
	events int // events in data[:seen]
	seen   int
	end    int64 // when the last wanted one had come; 0: not yet
}

// runCore prints "listening ADDR", "up" after the registration, "done TIME"
// when everything wanted has come, and after its standard input has ended
// "report" and a report.
func runCore(args []string) error {
	var r receiver
	flags := flag.NewFlagSet(roleCore, flag.ContinueOnError)
	flags.IntVar(&r.want, "want", 0, "events to wait for, or bytes")
	flags.StringVar(&r.tag, "tag", eventTag, "what such an event holds")
	flags.BoolVar(&r.raw, "raw", false, "count bytes, expect no registration")
	flags.StringVar(&r.corpus, "corpus", "", "compare with these lines")
	flags.IntVar(&r.touch, "touch", 1<<20, "bytes of memory to have ready")
	if err := flags.Parse(args); err != nil {
		return err
	}
	r.data = make([]byte, r.touch)
	for i := 0; i < len(r.data); i += 4096 {
		r.data[i] = 1 // so that no page is first touched while it counts
	}
	r.data = r.data[:0]
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	defer l.Close()
	fmt.Println("listening", l.Addr())
	c, err := l.Accept()
	if err != nil {
		return err
	}
	return r.serve(c)
}

func (r *receiver) serve(c net.Conn) error {
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		c.Close()
	}()
	registered := r.raw
	for {
		if len(r.data) == cap(r.data) {
			r.data = append(r.data, make([]byte, cap(r.data))...)[:len(r.data)]
		}
		n, err := c.Read(r.data[len(r.data):min(cap(r.data), len(r.data)+256<<10)])
		if err != nil {
			return r.tell()
		}
		part := r.data[len(r.data) : len(r.data)+n]
		r.data = r.data[:len(r.data)+n]
		r.lines += bytes.Count(part, []byte{'\n'})
		if !registered && r.lines > 0 {
			registered = true
			if _, err := io.WriteString(c, ack); err != nil {
				return err
			}
			fmt.Println("up")
		}
		r.look()
	}
}

// look notes the time when the last wanted event or byte has come.
func (r *receiver) look() {
	if r.end != 0 || r.want == 0 || r.raw && len(r.data) < r.want || !r.raw && r.lines < r.want {
		return
	}
	now := monotonic()
	if !r.raw {
		upto := bytes.LastIndexByte(r.data, '\n') + 1
		r.events += bytes.Count(r.data[r.seen:upto], []byte(r.tag))
		if r.seen = upto; r.events < r.want {
			return
		}
	}
	r.end = now
	fmt.Println("done", r.end)
}

func (r *receiver) tell() error {
	var rep report
	if !r.raw {
		if err := rep.read(r.data, r.corpus); err != nil {
			return err
		}
	}
	b, err := json.Marshal(rep)
	fmt.Printf("report %s\n", b)
	return err
}
