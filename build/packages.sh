#!/bin/sh
# Makes the packages in dist/packages out of dist/forager-linux-*: Debian's
# .deb, OpenWrt's .ipk, and archives with an init.d script. The same commit
# gives the same bytes: versions and times are the commit's.
#   build/packages.sh [-list]     what it makes, or with -list the files' names
set -eu
cd "$(dirname "$0")/.."
version=$(build/version.sh -package)
SOURCE_DATE_EPOCH=$(build/version.sh -time)
export SOURCE_DATE_EPOCH
out=dist/packages
umask 022 # for what is copied with the mode it has
export LC_ALL=C TZ=UTC

# Names of architectures, and the target whose program runs there. Raspberry Pi
# OS calls ARMv6 armhf.
targets=" $(build/cross.sh -list) "
wanted() { for pair; do case $targets in *" ${pair#*:} "*) echo "$pair" ;; esac done; }
debs=$(wanted amd64:amd64 arm64:arm64 armhf:armv6 armel:armv5)
# shellcheck disable=SC2046 # one word a pair
ipks=$(wanted $(awk '!/^#/ && NF { print $1 ":" $2 }' build/openwrt/arches))

deb_file() { echo "forager_${version}_$1.deb"; }
ipk_file() { echo "forager_${version}_$1.ipk"; }
tar_name() { echo "forager-$version-linux-$1"; }

if [ "${1-}" = -list ]; then
	for pair in $debs; do deb_file "${pair%:*}"; done
	for pair in $ipks; do ipk_file "${pair%:*}"; done
	for target in $targets; do echo "$(tar_name "$target").tar.gz"; done
	exit 0
fi

# man puts what the program says of its flags into the manual page.
man() {
	go run -buildvcs=false . -h | awk '
		/^  -/ { sub(/^ +/, ""); gsub(/\\/, "\\\\"); gsub(/-/, "\\-"); printf ".TP\n.B %s\n", $0; next }
		/^\t/ { sub(/^\t/, ""); gsub(/\\/, "\\\\"); gsub(/-/, "\\-"); sub(/^[.'\'']/, "\\\\\\&&"); print }' >"$out/work/options"
	awk -v options="$out/work/options" -v version="$version" -v date="$(date -u -d "@$SOURCE_DATE_EPOCH" +%Y-%m-%d)" '
		$0 == "OPTIONS" { while ((getline line < options) > 0) print line; next }
		/^\.TH/ { sub(/DATE/, date); sub(/VERSION/, version) }
		{ print }' build/debian/forager.8
}

# changelog is CHANGELOG.md's newest part as Debian writes changelogs.
changelog() {
	printf 'forager (%s) unstable; urgency=medium\n\n' "$version"
	awk '/^## / { part++; next } part == 1 && NF { sub(/^- /, "  * ") || sub(/^ +/, ""); printf "%s ", $0 } END { print "" }' CHANGELOG.md |
		sed 's/ *  \* /\n  * /g' | fold -s -w 76 | sed '/^$/d; s/ *$//; /^  \*/!s/^ */    /'
	printf '\n -- %s  %s\n' "$(sed -n 's/^maintainer: //p' build/packages/nfpm.yaml)" "$(date -u -R -d "@$SOURCE_DATE_EPOCH")"
}

rm -rf "$out"
mkdir -p "$out/work" dist/tools
man | gzip -n -9 >"$out/work/forager.8.gz"
changelog | gzip -n -9 >"$out/work/changelog.gz"
go build -buildvcs=false -o dist/tools/pack ./build/pack
(cd build/packages && go build -buildvcs=false -o ../../dist/tools/nfpm github.com/goreleaser/nfpm/v2/cmd/nfpm)

for pair in $debs; do
	DEB_ARCH=${pair%:*} GO_TARGET=${pair#*:} PACKAGE_VERSION=$version dist/tools/nfpm package \
		-f build/packages/nfpm.yaml -p deb -t "$out/$(deb_file "${pair%:*}")" >/dev/null
done
for pair in $ipks; do
	dist/tools/pack -form ipk -time "$SOURCE_DATE_EPOCH" -set VERSION="$version" -set ARCH="${pair%:*}" \
		-set BINARY="dist/forager-linux-${pair#*:}" build/openwrt/manifest "$out/$(ipk_file "${pair%:*}")"
done
for target in $targets; do
	dist/tools/pack -form tar -time "$SOURCE_DATE_EPOCH" -root "$(tar_name "$target")" \
		-set BINARY="dist/forager-linux-$target" build/initd/manifest "$out/$(tar_name "$target").tar.gz"
done
rm -rf "$out/work"
for file in $(build/packages.sh -list); do
	[ -s "$out/$file" ] || {
		echo "packages: $out/$file was not made" >&2
		exit 1
	}
	echo "$out/$file"
done
