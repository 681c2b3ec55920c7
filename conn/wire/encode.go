package wire

import "strconv"

const envelope = `{"version":2,"message":`

// AppendRegistration appends a NodeRegistration frame.
func AppendRegistration(dst []byte, r *Registration) []byte {
	dst = append(dst, envelope+`{"NodeRegistration":{"node_id":`...)
	dst = strconv.AppendUint(dst, r.NodeID, 10)
	dst = append(dst, `,"node_name":`...)
	dst = AppendString(dst, r.NodeName)
	dst = append(dst, `,"address":`...)
	dst = AppendString(dst, r.Address)
	dst = append(dst, `,"port":`...)
	dst = strconv.AppendUint(dst, uint64(r.Port), 10)
	dst = append(dst, `,"node_type":`...)
	dst = AppendString(dst, r.NodeType)
	if r.TOTPCode != "" {
		dst = append(dst, `,"totp_code":`...)
		dst = AppendString(dst, r.TOTPCode)
	}
	return append(dst, "}}}\n"...)
}

// AppendNodeStatus appends a NodeStatusUpdate frame.
func AppendNodeStatus(dst []byte, nodeID uint64, status NodeState) []byte {
	dst = append(dst, envelope+`{"NodeStatusUpdate":{"node_id":`...)
	dst = strconv.AppendUint(dst, nodeID, 10)
	dst = append(dst, `,"status":`...)
	dst = AppendString(dst, status)
	return append(dst, "}}}\n"...)
}

// AppendStarted appends a NodeEvent Started frame.
func AppendStarted(dst []byte) []byte {
	return append(dst, envelope+`{"NodeEvent":"Started"}}`+"\n"...)
}

// AppendStopped appends a NodeEvent Stopped frame.
func AppendStopped(dst []byte) []byte {
	return append(dst, envelope+`{"NodeEvent":"Stopped"}}`+"\n"...)
}

// AppendAlarm appends a NodeEvent Alarm frame.
func AppendAlarm[T ~string | ~[]byte](dst []byte, description T) []byte {
	dst = append(dst, envelope+`{"NodeEvent":{"Alarm":{"description":`...)
	dst = AppendString(dst, description)
	return append(dst, "}}}}\n"...)
}

// AppendError appends a NodeEvent Error frame.
func AppendError[T ~string | ~[]byte](dst []byte, message T) []byte {
	dst = append(dst, envelope+`{"NodeEvent":{"Error":{"message":`...)
	dst = AppendString(dst, message)
	return append(dst, "}}}}\n"...)
}

// AppendDrop appends a NodeDrop frame.
func AppendDrop(dst []byte) []byte {
	return append(dst, envelope+`"NodeDrop"}`+"\n"...)
}

// AppendPotStatus appends a PotStatusUpdate frame.
func AppendPotStatus(dst []byte, p *PotStatus) []byte {
	dst = append(dst, envelope+`{"PotStatusUpdate":{"node_id":`...)
	dst = strconv.AppendUint(dst, p.NodeID, 10)
	dst = append(dst, `,"pot_id":`...)
	dst = AppendString(dst, p.PotID)
	dst = append(dst, `,"pot_type":`...)
	dst = AppendString(dst, p.PotType)
	dst = append(dst, `,"status":`...)
	dst = AppendString(dst, p.Status)
	dst = append(dst, `,"message":`...)
	if p.Message == "" {
		dst = append(dst, "null"...)
	} else {
		dst = AppendString(dst, p.Message)
	}
	return append(dst, "}}}\n"...)
}

// AppendPotEvent appends a PotEvent frame, at most MaxFrame bytes when the
// fields of e keep their limits. Without data it says {}.
func AppendPotEvent(dst []byte, e *PotEvent) []byte {
	dst = append(dst, envelope+`{"PotEvent":{"node_id":`...)
	dst = strconv.AppendUint(dst, e.NodeID, 10)
	dst = append(dst, `,"pot_id":`...)
	dst = AppendString(dst, e.PotID)
	dst = append(dst, `,"pot_type":`...)
	dst = AppendString(dst, e.PotType)
	dst = append(dst, `,"event_type":`...)
	dst = AppendString(dst, e.EventType)
	dst = append(dst, `,"timestamp":"`...)
	dst = AppendTime(dst, e.Time)
	dst = append(dst, `","event_id":"`...)
	dst = AppendEventID(dst, e.Boot, e.Seq)
	dst = append(dst, `","data":`...)
	if len(e.Data) == 0 {
		dst = append(dst, "{}"...)
	}
	dst = append(dst, e.Data...)
	return append(dst, "}}}\n"...)
}

// AppendEventID appends <boot>-<sequence>, the boot in hexadecimal.
func AppendEventID(dst []byte, boot, seq uint64) []byte {
	dst = strconv.AppendUint(dst, boot, 16)
	dst = append(dst, '-')
	return strconv.AppendUint(dst, seq, 10)
}

func appendInt(dst []byte, n int64) []byte { return strconv.AppendInt(dst, n, 10) }
