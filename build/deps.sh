#!/bin/sh
# Installs what a make target needs beside Go, git and make, and is missing.
#   build/deps.sh SET...     with SET one of: test, cross-test, race, lint, bench, size,
#                            packages-test, boot
# Only Debian's packages are known here; elsewhere it says what to install.
set -eu

# command:package, one a word: the package is wanted when the command is not there.
wants() {
	case $1 in
	test) echo curl:curl telnet:inetutils-telnet ssh:openssh-client socat:socat \
		hydra:hydra nmap:nmap adb:adb ip:iproute2 nft:nftables \
		git:git /usr/bin/python3:python3 ensurepip:python3-venv php:php-cli ;;
	cross-test) echo qemu-mips-static:qemu-user-static qemu-arm-static:qemu-user-static ;;
	race) echo gcc:gcc gcc:libc6-dev ;;
	lint) echo shellcheck:shellcheck ;;
	bench) echo socat:socat ;;
	boot) echo qemu-system-aarch64:qemu-system-arm qemu-system-arm:qemu-system-arm \
		qemu-system-mipsel:qemu-system-mips qemu-system-x86_64:qemu-system-x86 \
		mkfs.ext4:e2fsprogs debootstrap:debootstrap ip:iproute2 ;;
	packages-test) echo debootstrap:debootstrap lintian:lintian busybox:busybox \
		qemu-arm-static:qemu-user-static qemu-aarch64-static:qemu-user-static ;;
	size) echo mksquashfs:squashfs-tools readelf:binutils ;;
	*)
		echo "deps: no set named '$1'" >&2
		exit 2
		;;
	esac
}

# has tells whether a command is there; ensurepip is a part of Python that
# Debian leaves out.
has() {
	case $1 in
	ensurepip) /usr/bin/python3 -c "import ensurepip" 2>/dev/null ;;
	*) command -v "$1" >/dev/null ;;
	esac
}

# ip and nft are in sbin, which an ordinary user's PATH leaves out.
PATH=$PATH:/usr/sbin:/sbin

missing=
for set in "$@"; do
	list=$(wants "$set") # apart, so that a failure ends the script
	for want in $list; do
		has "${want%%:*}" || missing="$missing ${want#*:}"
	done
done
[ -n "$missing" ] || exit 0
# shellcheck disable=SC2086 # one word a package
missing=$(printf '%s\n' $missing | sort -u | tr '\n' ' ')

sudo=
if [ "$(id -u)" != 0 ]; then
	sudo="sudo -n"
fi
if ! command -v apt-get >/dev/null || ! $sudo true 2>/dev/null; then
	echo "deps: these packages (Debian's names) are missing, and only root can install them with apt-get:" >&2
	echo "    $missing" >&2
	exit 1
fi

# A new machine has no package lists, an old one has lists that no longer fit:
# both show when the installation fails, so only then are new ones fetched.
install() {
	# shellcheck disable=SC2086 # one word a package
	$sudo env DEBIAN_FRONTEND=noninteractive \
		apt-get install -y -q --no-install-recommends $missing </dev/null
}
echo "deps: installing $missing"
if ! install >/dev/null 2>&1; then
	$sudo apt-get update -q </dev/null
	install
fi
