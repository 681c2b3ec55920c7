#!/bin/sh
# Boots emulated machines with the packages of dist/packages and tests the node
# on them (build/boot). What the machines are made of is fetched once, by apt
# and debootstrap, and kept in FORAGER_BOOT (~/.cache/forager-boot unless set).
#   build/boot.sh                            all tests, with a flood of five minutes
#   build/boot.sh -short                     what CI has time for, on two boards
#   build/boot.sh REGEXP [-test.FLAG...]     those that match
set -eu
cd "$(dirname "$0")/.."
PATH=$PATH:/usr/sbin:/sbin # mkfs.ext4 and debootstrap are there
if [ "$(id -u)" != 0 ]; then
	echo "boot: only root can make the machines' disks and network" >&2
	exit 1
fi
FORAGER_BOOT=${FORAGER_BOOT:-${XDG_CACHE_HOME:-$HOME/.cache}/forager-boot}
export FORAGER_BOOT PATH

if [ "${1-}" = -short ]; then
	shift
	build/boot/fetch.sh "$FORAGER_BOOT" arm64 mipsel
	export FORAGER_FLOOD="${FORAGER_FLOOD:-20s}"
	set -- '^(TestEpoch|TestStopped)$/^arm64$|^TestFlood$' "$@"
else
	build/boot/fetch.sh "$FORAGER_BOOT" arm64 armhf mipsel amd64
	build/boot/debian.sh "$FORAGER_BOOT"
	[ $# -gt 0 ] || set -- .
fi
only=$1
shift
mkdir -p dist/tools
go test -vet=off -c -o dist/tools/boot.test ./build/boot
cd build/boot
# A network namespace that ends with the tests.
# shellcheck disable=SC2016 # the inner shell's arguments
exec unshare -n sh -c 'ip link set lo up && exec "$@"' boot \
	../../dist/tools/boot.test -test.v -test.timeout 80m -test.run "$only" "$@"
