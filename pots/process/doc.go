// Package process runs programs that are not ours, confined, and watches them:
// the steps of an install (Run) and the pots that are other programs (Start).
//
//	node ── socket ──▶ keeper ──▶ program, and what that starts
//	  ◀─── pipe, a bounded ring of lines ───┘
//
// The keeper is this program once more (Confined). It is the first process of
// a PID namespace where the kernel allows that, so that nothing it started can
// outlive it; elsewhere it adopts all orphans and kills by walking /proc. It
// ends, and takes everything with it, when the socket closes: that is when the
// node dies, of whatever. A second step becomes the program's user, sets its
// limits, no_new_privs and Landlock, and then is the program.
//
// It never starts a shell, and takes no word of an attacker: what to run comes
// from its caller, who has checked it, and reaches the keeper over the socket.
// What a machine can't give (a namespace, Landlock, a user of its own) is left
// out and named by Protection.
//
// Limits: output is kept in a ring of fixed size and read at a bounded speed;
// memory, processes and disk of a program and all its children are summed
// every few seconds, while there are any, and what is over is killed.
package process
