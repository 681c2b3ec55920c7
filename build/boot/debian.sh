#!/bin/sh
# Makes the small Debian with systemd that make boot boots, as DIR/debian.tar,
# with debootstrap: the release that this machine has, and amd64. It downloads
# about 60 MB, once.
#   build/boot/debian.sh DIR
set -eu
dir=$1
[ ! -e "$dir/debian.tar" ] || exit 0
mkdir -p "$dir"
dir=$(cd "$dir" && pwd)
# shellcheck source=/dev/null
release=$(. /etc/os-release && echo "${VERSION_CODENAME-}")
root="$dir/debian.new"
rm -rf "$root"
echo "debian: debootstrap"
debootstrap --arch=amd64 --variant=minbase --include=systemd,systemd-sysv "${release:-bookworm}" "$root" \
	>"$dir/debootstrap.log" 2>&1 </dev/null || {
	tail -20 "$dir/debootstrap.log" >&2
	exit 1
}
rm -rf "$root"/var/cache/apt/archives/*.deb "$root"/var/lib/apt/lists/* "$root"/usr/share/doc/* "$root"/usr/share/locale/* \
	"$root"/usr/share/man/* "$root/etc/machine-id"
: >"$root/etc/machine-id"
tar -C "$root" -cf "$dir/debian.tar.new" .
rm -rf "$root"
mv "$dir/debian.tar.new" "$dir/debian.tar"
