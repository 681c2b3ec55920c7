#!/bin/sh
# Makes a small Debian in dist/debian-root.tar, for tests to install packages
# in: some 70 MB to download, once. As root; build/deps.sh packages-test has
# what it needs.
set -eu
cd "$(dirname "$0")/../.."
[ ! -s dist/debian-root.tar ] || exit 0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p dist
# The suite and the mirror of the machine that this runs on.
# shellcheck source=/dev/null
suite=$(. /etc/os-release && echo "$VERSION_CODENAME")
mirror=$(apt-cache policy base-files | awk '$1 == 500 && $2 ~ /^https?:/ { print $2; exit }')
debootstrap --variant=minbase --include=systemd "$suite" "$work/root" ${mirror:+"$mirror"} >"$work/log" 2>&1 || {
	tail -n 20 "$work/log" >&2
	exit 1
}
# Nothing is started in it.
printf '#!/bin/sh\nexit 101\n' >"$work/root/usr/sbin/policy-rc.d"
chmod 755 "$work/root/usr/sbin/policy-rc.d"
rm -rf "$work/root"/var/cache/apt/* "$work/root"/var/lib/apt/lists/*
tar -C "$work/root" -cf "$work/tar" .
mv "$work/tar" dist/debian-root.tar
