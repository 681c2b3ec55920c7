#!/bin/sh
# Prints the version that goes into the binary: of git's tags, or "devel"
# where there is no git or no repository (a source archive). With -ldflags, all
# that the linker is told: that, and the commit's time, so that the same commit
# gives the same bytes. With -package, the version as package managers sort it:
# 1.2.3 for a tag v1.2.3, 1.2.3+4.gabcdef four commits later, and before the
# first tag 0.0.0+ and the commit's time. With -apk, the same as apk writes it:
# 1.2.3, 1.2.3_git20261127090000. With -time, the commit's time in seconds since
# the epoch, 0 where there is none.
set -eu
cd "$(dirname "$0")/.."

commit_time() { git log -1 --format=%ct 2>/dev/null || true; }
version() { git describe --tags --always --dirty 2>/dev/null || echo devel; }

package_version() {
	described=$(git describe --tags --match 'v[0-9]*' --dirty=.dirty 2>/dev/null || true)
	if [ -n "$described" ]; then
		# v1.2.3-4-gabcdef: a dash would begin a revision of the package.
		echo "${described#v}" | sed 's/-\([0-9]*\)-g/+\1.g/; s/-/~/g'
		return
	fi
	time=$(commit_time)
	echo "0.0.0+$(date -u -d "@${time:-0}" +%Y%m%d%H%M%S)$(version | sed 's/^/.g/; s/-/./g')"
}

# apk knows no names of commits; a suffix _git sorts behind the release.
apk_version() {
	tag=$(git describe --tags --match 'v[0-9]*' --abbrev=0 2>/dev/null || echo v0.0.0)
	if [ -n "$(git tag --points-at HEAD "$tag" 2>/dev/null)" ]; then
		echo "${tag#v}" | sed 's/-/_/g'
		return
	fi
	time=$(commit_time)
	echo "${tag#v}" | sed "s/-/_/g; s/\$/_git$(date -u -d "@${time:-0}" +%Y%m%d%H%M%S)/"
}

case ${1-} in
-ldflags)
	built=$(commit_time)
	# A day less: the builder's clock and the board's may differ.
	[ -z "$built" ] || built=$((built - 86400))
	echo "-s -w -X main.version=$(version)${built:+ -X main.built=$built}"
	;;
-package) package_version ;;
-apk) apk_version ;;
-time)
	time=$(commit_time)
	echo "${time:-0}"
	;;
*) version ;;
esac
