#!/bin/sh
# Prints the version that goes into the binary: of git's tags, or "devel"
# where there is no git or no repository (a source archive). With -ldflags, all
# that the linker is told: that, and the commit's time, so that the same commit
# gives the same bytes.
set -eu
cd "$(dirname "$0")/.."
if [ "${1-}" = -ldflags ]; then
	built=$(git log -1 --format=%ct 2>/dev/null || true)
	# A day less: the builder's clock and the board's may differ.
	[ -z "$built" ] || built=$((built - 86400))
	echo "-s -w -X main.version=$(build/version.sh)${built:+ -X main.built=$built}"
	exit
fi
git describe --tags --always --dirty 2>/dev/null || echo devel
