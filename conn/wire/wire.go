// Package wire is HoneyBee protocol v2 as a node speaks it: every message
// between a node and Core, the encoder that appends frames to a caller's
// buffer and the decoder that takes Core's stream in any cut.
//
// It owns names, limits and bytes. It never does I/O, keeps no state besides
// the decoder's unfinished line, and never panics on a peer's bytes.
//
// A frame is one UTF-8 JSON envelope, {"version":2,"message":…}, and the
// newline after it. What the encoder appends is valid JSON in valid UTF-8
// whatever its arguments hold, except PotEvent.Data, which the caller vouches
// for.
package wire

// What the protocol fixes.
const (
	// Version is the protocol's version, sent in every envelope.
	Version = 2
	// MaxFrame is the largest frame in bytes, newline included, that the
	// documents recommend and that the decoder takes.
	MaxFrame = 64 << 10
	// MaxStrictFrame is the largest frame in bytes, newline included, that
	// the strict Core reads: its buffer for one read. Measured on the Core
	// of 2025-12-26.
	MaxStrictFrame = 4096
)

// What we chose.
const (
	// MaxName is the longest pot id, pot type or node name in bytes that
	// the node puts into a frame.
	MaxName = 64
	// MaxEventType is the longest event type in bytes.
	MaxEventType = 128
	// MaxData is the largest PotEvent data in bytes: what MaxFrame leaves
	// when every other field is as long as it may be and each of its bytes
	// is escaped to six.
	MaxData = MaxFrame - 6*(2*MaxName+MaxEventType) - 512
	// MaxConfig is how many config entries of an InstallPot are taken.
	MaxConfig = 64
)

// NodeType is what kind of node registers.
type NodeType string

// The node types Core knows.
const (
	Full  NodeType = "Full"
	Agent NodeType = "Agent"
)

// NodeState is the status in a NodeStatusUpdate.
type NodeState string

// The node states Core knows.
const (
	NodeConnected NodeState = "Connected"
	NodeDeploying NodeState = "Deploying"
	NodeRunning   NodeState = "Running"
	NodeStopped   NodeState = "Stopped"
	NodeFailed    NodeState = "Failed"
	NodeUnknown   NodeState = "Unknown"
)

// PotState is the status in a PotStatusUpdate.
type PotState string

// The pot states Core knows; the strict Core refuses any other.
const (
	PotInstalling PotState = "Installing"
	PotRunning    PotState = "Running"
	PotStopped    PotState = "Stopped"
	PotFailed     PotState = "Failed"
)

// Registration is a NodeRegistration.
type Registration struct {
	NodeID   uint64
	NodeName string
	Address  string
	Port     uint16
	NodeType NodeType
	TOTPCode string // six digits, or empty: the key is left out
}

// PotStatus is a PotStatusUpdate.
type PotStatus struct {
	NodeID  uint64
	PotID   string
	PotType string
	Status  PotState
	Message string // empty: null
}

// PotEvent is the documented PotEvent, and EventID beside its fields so that
// a reader can drop duplicates.
type PotEvent struct {
	NodeID    uint64
	PotID     []byte
	PotType   []byte
	EventType []byte
	Time      int64  // nanoseconds since the Unix epoch, UTC
	Boot      uint64 // first half of event_id: the run of the node
	Seq       uint64 // second half of event_id: its place in that run
	Data      []byte // one JSON object, valid JSON and UTF-8, at most MaxData
}

// Ack is a RegistrationAck.
type Ack struct {
	NodeID   uint64 // 0 when absent
	Accepted bool
	Message  string
	TOTPKey  string // base32, only at a first registration with TOTP
}

// Command is a NodeCommand. Name is canonical whichever spelling Core used:
// the documents' "status", "stop" and "restart" arrive as CmdStatus, CmdStop
// and CmdRestart.
type Command struct {
	NodeID  uint64 // 0: broadcast
	Name    string // one of the Cmd constants, or what Core wrote when Known is false
	Known   bool
	PotID   string     // for commands on one pot; not yet checked against any rule
	Install InstallPot // for CmdInstallPot
	Err     error      // the arguments were not what the command takes; nothing must be done
}

// InstallPot is the content of an InstallPot command. Nothing in it has been
// checked beyond its JSON type.
type InstallPot struct {
	PotID     string
	PotType   string
	GitURL    string // empty: null or absent
	GitBranch string // empty: null or absent
	Config    map[string]string
	AutoStart bool
}

// The commands.
const (
	CmdRestart          = "Restart"
	CmdUpdateConfig     = "UpdateConfig"
	CmdGetInstalledPots = "GetInstalledPots"
	CmdStatus           = "Status"
	CmdStop             = "Stop"
	CmdDeployPot        = "DeployPot"
	CmdStopPot          = "StopPot"
	CmdRestartPot       = "RestartPot"
	CmdGetPotStatus     = "GetPotStatus"
	CmdGetPotInfo       = "GetPotInfo"
	CmdGetPotLogs       = "GetPotLogs"
	CmdGetPotMetrics    = "GetPotMetrics"
	CmdInstallPot       = "InstallPot"
)
