#!/bin/sh
# Makes the release of the newest commit twice, in two directories that have
# nothing in common, caches neither, and compares every byte. It compiles all of
# it twice from nothing: three minutes when the machine has nothing else to do.
#   build/reproduce.sh       for TARGETS, or for arm64, which has a package of each form
set -eu
cd "$(dirname "$0")/.."
TARGETS=${TARGETS:-arm64}
export TARGETS
repository=$(pwd)
work=$(mktemp -d)
trap 'chmod -R u+w "$work" && rm -rf "$work"' EXIT

# make_in makes a release in a clone, with another umask, time zone and language
# each time.
make_in() {
	(
		cd "$work/$1"
		umask "$2"
		env TZ="$3" LC_ALL="$4" GOCACHE="$work/cache-$(basename "$1")" make --no-print-directory release >"$work/log" 2>&1
	) || {
		tail -n 20 "$work/log" >&2
		exit 1
	}
}

# Both at once: a commit in between would be another release.
mkdir -p "$work/elsewhere/deep"
for clone in one elsewhere/deep/two; do
	git clone -q "$repository" "$work/$clone"
done
make_in one 022 UTC C
make_in elsewhere/deep/two 077 Pacific/Auckland C.UTF-8
diff -r "$work/one/dist/release" "$work/elsewhere/deep/two/dist/release"
(cd "$work/one/dist/release" && sha256sum --quiet -c SHA256SUMS)
echo "reproduce: $(find "$work/one/dist/release" -type f | wc -l) files are the same both times"
