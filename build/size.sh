#!/bin/sh
# Prints what each cross-built binary weighs, raw and as flash holds it
# (squashfs with xz), and fails when a budget of build/size.budget is passed.
# All figures in KiB, rounded up.
#   build/size.sh            the tables, from dist/forager-linux-* and dist/packages
#   build/size.sh -pots      what each pot contributes to mipsle
#   build/size.sh -list      what each package contributes to mipsle, top 25
set -eu
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

kib() { echo $((($(stat -c %s "$1") + 1023) / 1024)); }

# As OpenWrt packs its images: xz, blocks of 256 KiB, no padding to 4 KiB.
squashed() {
	rm -f "$work/image"
	mksquashfs "$1" "$work/image" -comp xz -b 256K -nopad -noappend -no-progress -quiet >/dev/null
	kib "$work/image"
}

table() {
	failed=0
	printf '%-10s %8s %8s   %s\n' target raw squashfs 'budget (raw/squashfs)'
	for target in $(build/cross.sh -list); do
		binary=dist/forager-linux-$target
		raw=$(kib "$binary")
		packed=$(squashed "$binary")
		budget=$(awk -v t="$target" '$1 == t { print $2 "/" $3 }' build/size.budget)
		verdict=
		if [ -n "$budget" ] && { [ "$raw" -gt "${budget%/*}" ] || [ "$packed" -gt "${budget#*/}" ]; }; then
			verdict='TOO LARGE (make size-list shows what of)'
			failed=1
		fi
		printf '%-10s %8d %8d   %s %s\n' "$target" "$raw" "$packed" "${budget:--}" "$verdict"
	done
	return $failed
}

# Packages have one budget for each kind of file: what a download, and for an
# .ipk the router's memory while it is unpacked, may cost.
packages() {
	failed=0
	printf '\n%-72s %8s   %s\n' package size budget
	for file in $(build/packages.sh -list); do
		[ -s "dist/packages/$file" ] || {
			echo "size: dist/packages/$file is not there: make packages" >&2
			return 1
		}
		size=$(kib "dist/packages/$file")
		budget=$(awk -v f="$file" '$1 ~ /^\./ && substr(f, length(f) - length($1) + 1) == $1 { print $2 }' build/size.budget)
		verdict=
		if [ -z "$budget" ] || [ "$size" -gt "$budget" ]; then
			verdict='TOO LARGE'
			failed=1
		fi
		printf '%-72s %8d   %s %s\n' "$file" "$size" "${budget:--}" "$verdict"
	done
	return $failed
}

# variant builds mipsle with the files of pots/ changed by sed, and sets raw and
# packed, in bytes: what is missing is then all that nothing else needs.
#   variant SED-SCRIPT FILE...
variant() {
	script=$1
	shift
	replace=
	for file; do
		sed "$script" "$file" >"$work/$(basename "$file")"
		! cmp -s "$file" "$work/$(basename "$file")" || {
			echo "size: $file does not register its pots as expected" >&2
			return 1
		}
		replace="$replace${replace:+,}\"$PWD/$file\":\"$work/$(basename "$file")\""
	done
	printf '{"Replace":{%s}}' "$replace" >"$work/overlay.json"
	OUT=$work OVERLAY=$work/overlay.json build/cross.sh mipsle >/dev/null
	raw=0
	for bytes in $(readelf -lW "$work/forager-linux-mipsle" | awk '$1 == "LOAD" { print $5 }'); do
		raw=$((raw + bytes))
	done
	squashed "$work/forager-linux-mipsle" >/dev/null
	packed=$(stat -c %s "$work/image")
}

# The difference that a pot makes: a type that is not registered is not linked,
# nor is what only it uses. What several share is in the last line alone.
pots() {
	none='s/^func init() {/func _() {/'
	printf '\n%-24s %8s %8s\n' 'share of mipsle' raw squashfs
	variant '' # nothing is changed
	whole=$raw whole_packed=$packed
	files=$(grep -l '^	Register(Type{' pots/*.go)
	for file in $files; do
		variant "$none" "$file" || return 1
		share "$(basename "$file" .go)$([ "$file" != pots/http.go ] || echo ', https, cwmp, upnp')"
	done
	variant '/New: newHTTPS}/d' pots/http.go || return 1
	share 'https alone'
	# shellcheck disable=SC2086 # one word a file
	variant "$none" $files || return 1
	share 'all pots'
}

share() { printf '%-24s %8d %8d\n' "$1" $(((whole - raw + 512) / 1024)) $(((whole_packed - packed + 512) / 1024)); }

# A symbol's package is what stands before the first dot after the last slash
# of its path; arguments of generic types have slashes of their own, so they
# are cut off first. Symbols of no package (type:, go:) are summed by prefix.
# What lies from runtime.bss on is memory, not file: Go's nm calls it data.
list() {
	env CGO_ENABLED=0 GOARCH=mipsle GOMIPS=softfloat go build -trimpath -buildvcs=false -o "$work/forager" .
	go tool nm -size -sort size "$work/forager" >"$work/symbols"
	bss=$(awk '$4 == "runtime.bss" { print $1 }' "$work/symbols")
	awk -v bss="$bss" '
	BEGIN { bss = sprintf("%16s", bss) }
	$3 !~ /^[TtRrDd]$/ || sprintf("%16s", $1) >= bss { next }
	{
		name = $4
		sub(/\[.*/, "", name)
		head = name; tail = name
		sub(/[^\/]*$/, "", head)
		sub(/^.*\//, "", tail)
		sub(/\..*/, "", tail)
		package = head tail
		if (match(name, /^(type|go):/)) package = substr(name, 1, RLENGTH)
		bytes[package] += $2
	}
	END { for (p in bytes) printf "%8.1f KiB  %s\n", bytes[p] / 1024, p }' "$work/symbols" |
		sort -rn | head -n 25
}

case ${1-} in
-list) list ;;
-pots) pots ;;
'')
	all=0
	table || all=1
	packages || all=1
	pots || all=1
	exit $all
	;;
*)
	echo "usage: build/size.sh [-pots | -list]" >&2
	exit 2
	;;
esac
