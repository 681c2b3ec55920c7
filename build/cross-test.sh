#!/bin/sh
# Runs the unit tests of the packages that meet the wire and the attackers as
# big-endian MIPS and as the oldest ARM, in user-mode emulation. That is 20 to
# 60 times slower than native, hence -short and the long time limit.
#   build/cross-test.sh [PACKAGE...]
set -eu
cd "$(dirname "$0")/.."
[ $# -gt 0 ] || set -- ./conn/... ./pots/...

failed=0
echo "== linux/mips softfloat (big-endian, 32 bits)"
env CGO_ENABLED=0 GOARCH=mips GOMIPS=softfloat \
	go test -vet=off -short -timeout 30m -exec qemu-mips-static "$@" || failed=1
echo "== linux/arm, GOARM=5 (32 bits)"
env CGO_ENABLED=0 GOARCH=arm GOARM=5 \
	go test -vet=off -short -timeout 30m -exec qemu-arm-static "$@" || failed=1
exit $failed
