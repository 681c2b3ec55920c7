#!/bin/sh
# Builds dist/forager-linux-TARGET for every target named, or for all.
#   build/cross.sh [TARGET...]
#   build/cross.sh -list              prints the targets
#   build/cross.sh -lines TARGET...   dist/forager-linux-TARGET.lines, for build/lines
# OUT is another directory than dist, OVERLAY a file for go build -overlay.
# TARGETS="arm64 mipsle" narrows what all are, here and for packages and release.
set -eu
cd "$(dirname "$0")/.."

all=${TARGETS:-amd64 arm64 armv7 armv6 armv5 mips mipsle riscv64}
if [ "${1-}" = -list ]; then
	echo "$all"
	exit 0
fi

# env_of prints what go build must be told for a target. Routers' MIPS cores
# have no FPU; armv5 is soft float as well.
env_of() {
	case $1 in
	armv[567]) echo "GOARCH=arm GOARM=${1#armv}" ;;
	mips | mipsle) echo "GOARCH=$1 GOMIPS=softfloat" ;;
	amd64 | arm64 | riscv64) echo "GOARCH=$1" ;;
	*)
		echo "cross: no target '$1', there are: $all" >&2
		exit 2
		;;
	esac
}

ldflags=$(build/version.sh -ldflags)
suffix=
# Flash is what a board has least of: without inlining the node is a tenth
# smaller, a sixth when compressed. What every event goes through keeps it.
lean="-gcflags=all=-l -gcflags=forager/conn/...= -gcflags=forager/pots/jsonline="
# The same commit gives the same code with -lines, which has another linker only.
if build/leanmsgp.sh; then
	lean="$lean -modfile=dist/leanmsgp/go.mod"
else
	echo "cross: msgp is linked as it is: the binaries are a fortieth larger" >&2
fi
if go run -buildvcs=false ./build/leango ${OVERLAY:+-also "$OVERLAY"} dist/leango; then
	lean="$lean -overlay=$PWD/dist/leango/overlay.json"
	linker=-toolexec=$PWD/dist/leango/toolexec
else
	echo "cross: $(go version) is used as it is: the binaries are a tenth larger" >&2
	lean="$lean${OVERLAY:+ -overlay=$OVERLAY}"
	linker=
fi
if [ "${1-}" = -lines ]; then
	shift
	suffix=.lines
	linker=
fi
out=${OUT:-dist}
mkdir -p "$out"
# shellcheck disable=SC2086 # one word a target
[ $# -gt 0 ] || set -- $all
for target; do
	settings=$(env_of "$target")
	binary=$out/forager-linux-$target$suffix
	rm -f "$binary" # go takes what another linker made for its own
	case $target in
	mips*) pages="-R 16384" ;; # the largest pages of such kernels; Go pads to 64 KiB
	*) pages= ;;
	esac
	# shellcheck disable=SC2086 # several settings and flags
	env CGO_ENABLED=0 GOOS=linux $settings go build -trimpath -buildvcs=false \
		$lean $linker -ldflags "$ldflags $pages" -o "$binary" .
	echo "$binary"
done
