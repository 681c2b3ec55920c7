#!/bin/sh
# Runs every fuzz target of the module, one at a time, each for a while.
#   build/fuzz.sh [TIME]     default 30s
set -eu
cd "$(dirname "$0")/.."
time=${1:-30s}
log=$(mktemp)
trap 'rm -f "$log"' EXIT

# run fuzzes one target. The fuzzer of Go sometimes takes its own end of time
# for a failure, then without an input to show: that is tried once more.
run() {
	if fuzz "$@"; then
		return
	fi
	if grep -q 'Failing input written' "$log" || ! grep -q 'context deadline exceeded' "$log"; then
		return 1
	fi
	echo "fuzz: no failing input, only the end of its time: once more"
	fuzz "$@"
}

fuzz() {
	go test -vet=off -run '^$' -fuzz "^$2\$" -fuzztime "$time" "$1" >"$log" 2>&1 || {
		cat "$log"
		return 1
	}
	grep -E '^(fuzz: elapsed|ok)' "$log" | tail -n 2
}

count=0
for package in $(go list ./...); do
	for target in $(go test -vet=off -list '^Fuzz' "$package" | grep '^Fuzz' || true); do
		echo "== $package $target"
		run "$package" "$target"
		count=$((count + 1))
	done
done
echo "fuzz: $count targets, $time each"
[ "$count" -gt 0 ]
