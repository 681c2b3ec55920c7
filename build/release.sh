#!/bin/sh
# Gathers a release in dist/release: the programs, the packages, an SBOM
# (CycloneDX), and SHA256SUMS over all of them. The same commit gives the same
# bytes; build/reproduce.sh checks that.
set -eu
cd "$(dirname "$0")/.."
export LC_ALL=C
version=$(build/version.sh -package)
case $version in
*dirty*) echo "release: there are changes that no commit has: this release can't be made again" >&2 ;;
esac
out=dist/release
rm -rf "$out"
mkdir -p "$out"
for target in $(build/cross.sh -list); do
	cp "dist/forager-linux-$target" "$out/"
done
for file in $(build/packages.sh -list); do
	cp "dist/packages/$file" "$out/"
done
go run -buildvcs=false ./build/sbom -version "$version" -time "$(build/version.sh -time)" "$out"/* >"$out.cdx.json"
mv "$out.cdx.json" "$out/forager-$version.cdx.json"
(cd "$out" && sha256sum -- * >../SHA256SUMS && mv ../SHA256SUMS .)
echo "release: $(find "$out" -type f | wc -l) files in $out"
