#!/bin/sh
# Runs the unit tests of the packages that meet the wire, the attackers and the
# kernel as big-endian MIPS and as the oldest ARM, in user-mode emulation. That
# is 20 to 60 times slower than native, hence -short and the long time limit.
#   build/cross-test.sh [PACKAGE...]
set -eu
cd "$(dirname "$0")/.."
[ $# -gt 0 ] || set -- ./conn/... ./pots/... ./board/...

failed=0
# run tests one package after the other (what is slow must not slow down its
# neighbours too), but builds with all CPUs first.
run() {
	emulator=$1 settings=$2
	shift 2
	# shellcheck disable=SC2086 # several settings
	env CGO_ENABLED=0 $settings go build "$@" &&
		env CGO_ENABLED=0 $settings go test -vet=off -short -timeout 30m -p 1 -exec "$emulator" "$@"
}

echo "== linux/mips softfloat (big-endian, 32 bits)"
run qemu-mips-static "GOARCH=mips GOMIPS=softfloat" "$@" || failed=1
echo "== linux/arm, GOARM=5 (32 bits)"
run qemu-arm-static "GOARCH=arm GOARM=5" "$@" || failed=1
exit $failed
