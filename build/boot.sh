#!/bin/sh
# Boots emulated machines with the packages of dist/packages and tests the node
# on them (build/boot). What the machines are made of is fetched once, by apt,
# and kept in FORAGER_BOOT, ~/.cache/forager-boot unless set.
#   build/boot.sh [REGEXP [FLAGS OF GO TEST...]]     all tests, or those that match
set -eu
cd "$(dirname "$0")/.."
PATH=$PATH:/usr/sbin:/sbin # mkfs.ext4 and debootstrap are there
if [ "$(id -u)" != 0 ]; then
	echo "boot: only root can make the machines' disks (files of many owners, debootstrap)" >&2
	exit 1
fi
FORAGER_BOOT=${FORAGER_BOOT:-${XDG_CACHE_HOME:-$HOME/.cache}/forager-boot}
export FORAGER_BOOT PATH
build/boot/fetch.sh "$FORAGER_BOOT" arm64 armhf mipsel amd64
only=${1-.}
[ $# -eq 0 ] || shift
exec nice -n 5 go test -vet=off -count=1 -timeout 80m -v -run "$only" "$@" ./build/boot
