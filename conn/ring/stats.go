package ring

// otherPots is the counter of the pots beyond maxPots.
const otherPots = "other"

// Stats is what the ring has done since the start.
type Stats struct {
	Size      int               // bytes of memory reserved
	Used      int               // bytes of memory that the events held take
	Held      uint64            // events held, in memory or only on flash, read or not
	Unread    uint64            // events held and not yet read by a session
	Put       uint64            // events taken in
	Forgotten uint64            // events that Core has
	Unsettled uint64            // events sent once whose place was needed before Core's having them was sure
	Dropped   uint64            // events lost: not sent (since the last Rewind), or refused
	Loss      Loss              // Dropped by cause
	ByPot     map[string]uint64 // Dropped by pot id; "other" beyond 64 pots
	Spool     SpoolStats
}

// Loss is how many events were lost to each cause.
type Loss struct {
	Refused uint64 // never held: no event, too large, or after the end
	Pushed  uint64 // newer ones needed their place, in memory or on flash
	Damaged uint64 // not to be read back from flash
}

// All is the sum.
func (l Loss) All() uint64 { return l.Refused + l.Pushed + l.Damaged }

type counters struct {
	put, forgotten, unsettled uint64
	loss                      Loss
	dropped                   map[string]*uint64 // pointers: adding to a known one allocates nothing
}

// drop counts n lost events of a pot; cause is one of c.loss. Pots come from
// lines that others wrote: neither their number nor their names' length may
// grow the map.
func (c *counters) drop(cause *uint64, pot []byte, n uint64) {
	*cause += n
	if len(pot) > maxPotID {
		pot = pot[:maxPotID]
	}
	count, known := c.dropped[string(pot)]
	if !known {
		name := string(pot)
		if len(c.dropped) >= maxPots {
			name = otherPots
		}
		if count = c.dropped[name]; count == nil {
			count = new(uint64)
			c.dropped[name] = count
		}
	}
	*count += n
}

func (c *counters) byPot() map[string]uint64 {
	m := make(map[string]uint64, len(c.dropped))
	for pot, n := range c.dropped {
		m[pot] = *n
	}
	return m
}

// CountLoss counts n events of a pot that could not even be put, so that
// every loss is told in one place.
func (r *Ring) CountLoss(pot []byte, n uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stats.drop(&r.stats.loss.Refused, pot, n)
}

// Lost is Stats.Loss alone.
func (r *Ring) Lost() Loss {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.stats.loss
}

// Unsaved is how many events would end with the node now: they are in memory,
// ours or another process's that we read, and not on flash.
func (r *Ring) Unsaved() uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch s := r.flash; {
	case s == nil:
		return r.head.seq - r.tail.seq
	case s.left != nil:
		return r.head.seq - r.tail.seq + s.flashOnly()
	default:
		return r.head.seq - max(r.tail.seq, s.copied.seq)
	}
}

// Stats returns a copy of the counters.
func (r *Ring) Stats() Stats {
	r.mu.Lock()
	defer r.mu.Unlock()
	st := Stats{
		Size: len(r.mem), Used: int(r.head.off - r.tail.off),
		Held: r.head.seq - r.tail.seq, Unread: r.head.seq - r.cursor.seq,
		Put: r.stats.put, Forgotten: r.stats.forgotten, Unsettled: r.stats.unsettled,
		Dropped: r.stats.loss.All(), Loss: r.stats.loss, ByPot: r.stats.byPot(),
	}
	r.flash.fill(&st)
	return st
}
