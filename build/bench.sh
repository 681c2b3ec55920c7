#!/bin/sh
# Runs every Go benchmark with allocation counts, then the measuring program
# of build/bench, if it is there, and says on what machine it was.
set -eu
cd "$(dirname "$0")/.."
echo "machine: $(uname -srm), $(nproc) CPUs, $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1), $(go version)"
go test -vet=off -run '^$' -bench . -benchmem ./...
if [ -d build/bench ]; then
	go run -buildvcs=false ./build/bench
fi
