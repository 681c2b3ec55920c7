package sftp

import "encoding/binary"

// Flags of OPEN (section 6.3).
const (
	openRead   = 1
	openWrite  = 2
	openAppend = 4
	openTrunc  = 16
)

// open opens a file for reading or for writing.
func (s *Server) open(id uint32, r *reader, out []byte) []byte {
	at, flags := r.path(), r.uint32()
	a := r.attrs()
	h := &handle{path: at}
	err := r.do(func() (err error) {
		if flags&openWrite != 0 {
			h.w, err = s.fs.Create(at, a.mode(0o666), flags&openTrunc != 0)
			return err
		}
		_, err = s.fs.Stat(at, true)
		return err
	})
	return s.opened(id, h, err, out)
}

func (s *Server) opendir(id uint32, r *reader, out []byte) []byte {
	h := &handle{path: r.path(), dir: true}
	err := r.do(func() (err error) {
		h.entries, err = s.fs.List(h.path)
		return err
	})
	return s.opened(id, h, err, out)
}

// opened keeps a handle and tells its number, or what went wrong.
func (s *Server) opened(id uint32, h *handle, err error, out []byte) []byte {
	if err == nil {
		err = s.lend(h, len(h.path)+len(h.entries)*entrySize)
	}
	if err != nil {
		s.drop(h, false)
		return status(out, id, err)
	}
	for i, old := range s.handles {
		if old == nil {
			s.handles[i] = h
			start := len(out)
			out = binary.BigEndian.AppendUint32(begin(out, typeHandle), id)
			out = binary.BigEndian.AppendUint32(out, 4)
			return finish(binary.BigEndian.AppendUint32(out, uint32(i)), start)
		}
	}
	s.drop(h, false)
	return status(out, id, ErrFailure)
}

// lend takes memory for what a handle holds until it is dropped.
func (s *Server) lend(h *handle, n int) error {
	if !s.fs.Take(n) {
		return ErrFailure
	}
	h.lent += n
	return nil
}

// drop ends a handle.
func (s *Server) drop(h *handle, whole bool) {
	s.fs.Give(h.lent)
	if h.w != nil {
		h.w.Close(whole)
	}
}

// handle returns the open file of a handle's text, or nil.
func (s *Server) handle(text string) *handle {
	if len(text) != 4 {
		return nil
	}
	i := binary.BigEndian.Uint32([]byte(text))
	if i >= MaxHandles {
		return nil
	}
	return s.handles[i]
}

func (s *Server) close(r *reader) error {
	text := string(r.string())
	h := s.handle(text)
	if h == nil {
		return ErrFailure
	}
	s.handles[binary.BigEndian.Uint32([]byte(text))] = nil
	s.drop(h, true)
	return nil
}

func (s *Server) write(r *reader) error {
	h := s.handle(string(r.string()))
	offset := int64(r.uint64() & (1<<63 - 1))
	data := r.string()
	return r.do(func() error {
		if h == nil || h.w == nil {
			return ErrFailure
		}
		_, err := h.w.WriteAt(data, offset)
		return err
	})
}

// read gives a part of a file. The content is taken once, so that a file of
// /proc does not change in the middle.
func (s *Server) read(id uint32, r *reader, out []byte) []byte {
	h := s.handle(string(r.string()))
	offset, length := r.uint64(), r.uint32()
	err := r.do(func() (err error) {
		switch {
		case h == nil || h.dir:
			return ErrFailure
		case !h.loaded:
			err = s.load(h)
		}
		return err
	})
	if err == nil && offset >= uint64(len(h.data)) {
		err = errEOF
	}
	if err != nil {
		return status(out, id, err)
	}
	part := h.data[offset:]
	part = part[:min(len(part), int(min(length, MaxRead)))]
	start := len(out)
	out = binary.BigEndian.AppendUint32(begin(out, typeData), id)
	return finish(appendString(out, part), start)
}

func (s *Server) load(h *handle) error {
	data, err := s.fs.ReadFile(h.path)
	if err == nil {
		err = s.lend(h, cap(data))
	}
	if err == nil {
		h.data, h.loaded = data, true
	}
	return err
}

func (s *Server) stat(kind byte, id uint32, r *reader, out []byte) []byte {
	at := r.path()
	if kind == typeFstat {
		h := s.handle(at)
		if h == nil {
			return status(out, id, ErrFailure)
		}
		at = h.path
	}
	var a Attr
	err := r.do(func() (err error) {
		a, err = s.fs.Stat(at, kind != typeLstat)
		return err
	})
	if err != nil {
		return status(out, id, err)
	}
	start := len(out)
	out = binary.BigEndian.AppendUint32(begin(out, typeAttrs), id)
	return finish(appendAttr(out, &a), start)
}

func (s *Server) readlink(id uint32, r *reader, out []byte) []byte {
	at := r.path()
	target := ""
	err := r.do(func() (err error) {
		target, err = s.fs.Readlink(at)
		return err
	})
	if err != nil {
		return status(out, id, err)
	}
	return name(out, id, target)
}

// readdir gives the next entries, then the end.
func (s *Server) readdir(id uint32, r *reader, out []byte) []byte {
	h := s.handle(string(r.string()))
	switch {
	case r.bad || h == nil || !h.dir:
		return status(out, id, ErrFailure)
	case len(h.entries) == 0:
		return status(out, id, errEOF)
	}
	n := min(len(h.entries), MaxNames)
	start := len(out)
	out = binary.BigEndian.AppendUint32(begin(out, typeName), id)
	out = binary.BigEndian.AppendUint32(out, uint32(n))
	for i := range h.entries[:n] {
		e := &h.entries[i]
		out = appendString(out, e.Name)
		out = appendString(out, e.long())
		out = appendAttr(out, &e.Attr)
	}
	h.entries = h.entries[n:]
	return finish(out, start)
}
