package ring

import "maps"

// Stats is what the ring has done since the start.
type Stats struct {
	Size      int               // bytes of memory reserved
	Used      int               // bytes of records held
	Held      uint64            // events held, read or not
	Unread    uint64            // events held and not yet read by a session
	Put       uint64            // events taken in
	Forgotten uint64            // events that Core has
	Unsettled uint64            // events sent once whose place was needed before Core's having them was sure
	Dropped   uint64            // events lost: never sent, or too large
	ByPot     map[string]uint64 // Dropped by pot id; "other" beyond 64 pots
}

type counters struct {
	put, forgotten, unsettled, lost uint64
	dropped                         map[string]uint64
}

func (c *counters) drop(pot []byte, n uint64) {
	c.lost += n
	if _, known := c.dropped[string(pot)]; !known && len(c.dropped) >= maxPots {
		c.dropped["other"] += n
		return
	}
	c.dropped[string(pot)] += n
}

// CountLoss counts n events of a pot that could not even be put, so that
// every loss is told in one place.
func (r *Ring) CountLoss(pot []byte, n uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stats.drop(pot, n)
}

// Lost is Stats.Dropped alone.
func (r *Ring) Lost() uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.stats.lost
}

// Stats returns a copy of the counters.
func (r *Ring) Stats() Stats {
	r.mu.Lock()
	defer r.mu.Unlock()
	return Stats{
		Size: len(r.mem), Used: int(r.head.off - r.tail.off),
		Held: r.head.seq - r.tail.seq, Unread: r.head.seq - r.cursor.seq,
		Put: r.stats.put, Forgotten: r.stats.forgotten, Unsettled: r.stats.unsettled,
		Dropped: r.stats.lost, ByPot: maps.Clone(r.stats.dropped),
	}
}
