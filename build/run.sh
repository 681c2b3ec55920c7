#!/bin/bash
# make run: a Core for development and a node with two pots, on this machine
# alone, until Ctrl-C. Everything they keep is in a temporary directory that
# goes when they do. Expects dist/forager and dist/devcore.
set -eu
# A process group for each child: Ctrl-C is for this script, which ends the
# node first, so that Core still hears its goodbye.
set -m
cd "$(dirname "$0")/.."

core=127.0.0.1:9001 backend=127.0.0.1:9002 intake=127.0.0.1:9100
telnet=127.0.0.1:2323 tcp=127.0.0.1:4444

dir=$(mktemp -d "${TMPDIR:-/tmp}/forager-run.XXXXXX")
devcore_pid='' node_pid=''

# shellcheck disable=SC2317 # called by the trap
# stop ends one child by its id: TERM, and KILL if five seconds were not enough.
stop() {
	[ -n "$1" ] || return 0
	kill -TERM "$1" 2>/dev/null || return 0
	for _ in $(seq 50); do
		kill -0 "$1" 2>/dev/null || break
		sleep 0.1
	done
	kill -KILL "$1" 2>/dev/null || true
	wait "$1" 2>/dev/null || true
}

# shellcheck disable=SC2317 # called by the trap
cleanup() {
	trap '' INT TERM HUP
	stop "$node_pid"
	stop "$devcore_pid"
	rm -rf "$dir"
}
trap cleanup EXIT
trap 'exit 0' INT TERM HUP

# listening asks the kernel's tables: a connection of ours would be an event.
listening() {
	cat /proc/net/tcp /proc/net/tcp6 2>/dev/null | awk -v "port=$(printf ':%04X' "${1##*:}")" '
		$4 == "0A" && substr($2, length($2) - 4) == port { found = 1 }
		END { exit !found }'
}

for address in $core $backend $intake $telnet $tcp; do
	if listening "$address"; then
		echo "run: $address is taken by another program: end that one first (ss -ltnp shows which it is)" >&2
		exit 1
	fi
done

# ready waits until a child listens, as long as it lives, ten seconds at most.
ready() {
	for _ in $(seq 100); do
		if listening "$3"; then
			return
		fi
		kill -0 "$2" 2>/dev/null || break
		sleep 0.1
	done
	echo "run: $1 did not come up on $3; what it said is above" >&2
	exit 1
}

dist/devcore -listen $core -backend $backend &
devcore_pid=$!
ready devcore "$devcore_pid" $core

dist/forager -core $core -intake $intake -state-dir "$dir/state" -control "$dir/control.sock" \
	-c /dev/null -node-name run -pot "telnet listen=$telnet accept=after:3" -pot "tcp listen=$tcp" &
node_pid=$!
for address in $telnet $tcp $intake; do
	ready forager "$node_pid" "$address"
done

cat <<EOF

A Core and a node are running. What the node tells Core is printed here, one line a message.
Try, in another terminal:

    telnet ${telnet%:*} ${telnet#*:}                          (user and password: the third try is let in)
    echo hello > /dev/tcp/${tcp%:*}/${tcp#*:}                (in bash)
    echo '{"eventid":"my.pot.hit","src_ip":"198.18.0.1"}' > /dev/tcp/${intake%:*}/${intake#*:}
    dist/forager status -control $dir/control.sock

Commands for the node, to $backend, one JSON line each:

    {"version":2,"message":{"BackendRegistration":{"backend_name":"me","backend_type":"Cli"}}}
    {"version":2,"message":{"BackendCommand":{"BroadcastCommand":{"command":"GetInstalledPots"}}}}

Ctrl-C ends both and removes what they kept.

EOF

# wait is what a signal interrupts; a child that ends by itself ends the run.
wait -n "$devcore_pid" "$node_pid" || true
echo "run: one of the two has ended; ending the other" >&2
exit 1
