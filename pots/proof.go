package pots

import "sync"

// proofs is who wants to know whether a loop lives. The loop answers when it is
// woken, which costs nothing between two questions.
type proofs struct {
	mu      sync.Mutex
	waiting []chan struct{}
	ended   bool // the loop has
}

// ask returns what the loop closes once wake has woken it.
func (p *proofs) ask(wake func()) <-chan struct{} {
	proof := make(chan struct{})
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ended { // it was stopped in between, and nothing is dead
		close(proof)
		return proof
	}
	p.waiting = append(p.waiting, proof)
	wake()
	return proof
}

// answer is called by the loop, which has made itself sleep again.
func (p *proofs) answer(ended bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ended = ended
	for _, proof := range p.waiting {
		close(proof)
	}
	p.waiting = nil
}
