#!/bin/sh
# Fetches what the emulated machines of make boot are made of, with apt, into a
# cache directory: Debian's kernels with their modules, and a static BusyBox of
# each architecture. About 150 MB are downloaded once; 350 MB stay.
#   build/boot/fetch.sh DIR ARCH...     with ARCH one of: arm64 armhf mipsel amd64
# It leaves DIR/ARCH/{kernel,modules/,busybox}. apt gets lists and a cache of its
# own below DIR, so the machine's own packages and architectures stay as they are.
set -eu

kernel_of() {
	case $1 in
	arm64) echo linux-image-arm64 ;;
	armhf) echo linux-image-armmp ;;
	mipsel) echo linux-image-4kc-malta ;;
	amd64) echo linux-image-amd64 ;; # the cloud kernel has no watchdogs
	*)
		echo "fetch: no architecture '$1'" >&2
		exit 2
		;;
	esac
}

dir=$1
shift
missing=
for arch; do
	kernel_of "$arch" >/dev/null
	[ -e "$dir/$arch/done" ] || missing="$missing $arch"
done
[ -n "$missing" ] || exit 0

mkdir -p "$dir/apt/lists/partial" "$dir/apt/cache/archives/partial"
dir=$(cd "$dir" && pwd)

# A configuration file of our own, since it is read after the machine's.
{
	for arch in $(dpkg --print-architecture) $missing; do
		echo "APT::Architectures:: \"$arch\";"
	done
	cat <<EOF
Dir::State::lists "$dir/apt/lists";
Dir::State::status "/dev/null";
Dir::Cache "$dir/apt/cache";
Acquire::Languages "none";
APT::Sandbox::User "root";
EOF
} >"$dir/apt/conf"
export APT_CONFIG="$dir/apt/conf"

# A source that can't be had is no reason to stop: what is then missing shows
# below.
apt-get update -q >"$dir/apt/update.log" 2>&1 </dev/null || true

# one downloads one package and unpacks it.
one() {
	echo "fetch: $1"
	(cd "$dir/apt" && rm -f ./*.deb && apt-get download -q "$1" >download.log 2>&1 </dev/null) || {
		tail -5 "$dir/apt/update.log" "$dir/apt/download.log" >&2
		exit 1
	}
	rm -rf "$dir/apt/root"
	dpkg-deb -x "$dir"/apt/*.deb "$dir/apt/root"
	rm -f "$dir"/apt/*.deb
}

for arch in $missing; do
	# The versioned package behind the one that always names the newest.
	image=$(apt-cache depends "$(kernel_of "$arch"):$arch" | sed -n 's/.*Depends: \(linux-image-[^:]*\).*/\1/p' | head -1)
	if [ -z "$image" ]; then
		tail -5 "$dir/apt/update.log" >&2
		echo "fetch: apt knows no kernel for $arch" >&2
		exit 1
	fi
	rm -rf "${dir:?}/$arch"
	mkdir -p "$dir/$arch"
	one "$image:$arch"
	mv "$dir"/apt/root/boot/vmlinu[xz]-* "$dir/$arch/kernel"
	mv "$dir"/apt/root/lib/modules/* "$dir/$arch/modules"
	one "busybox-static:$arch"
	mv "$dir/apt/root/bin/busybox" "$dir/$arch/busybox"
	# No machine has any of this.
	for drivers in sound drivers/gpu drivers/media drivers/staging drivers/infiniband drivers/iio \
		drivers/usb drivers/scsi drivers/hwmon drivers/mmc drivers/mtd drivers/net/wireless drivers/net/ethernet/mellanox; do
		rm -rf "${dir:?}/$arch/modules/kernel/$drivers"
	done
	rm -rf "$dir/apt/root"
	: >"$dir/$arch/done"
done
rm -rf "$dir/apt"
