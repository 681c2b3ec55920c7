package pots

func init() {
	Register(Type{Name: "tcp", New: func(*Setup) (Handler, error) { return tcp{}, nil }})
}

type tcp struct{}

func (tcp) Serve(*Conn) {}
