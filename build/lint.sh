#!/bin/sh
# gofmt, go vet, staticcheck (its version is in build/tools/go.mod) and, over
# every shell script that git knows, shellcheck.
set -eu
cd "$(dirname "$0")/.."
failed=0

# Files of git, so that a build's leftovers don't count; new ones do.
files() { git ls-files --cached --others --exclude-standard -- "$@" | while read -r f; do [ ! -f "$f" ] || echo "$f"; done; }

echo "== gofmt"
# shellcheck disable=SC2046 # one word a file
unformatted=$(gofmt -l $(files '*.go'))
if [ -n "$unformatted" ]; then
	echo "gofmt would change:" "$unformatted"
	failed=1
fi

echo "== go vet"
go vet ./... || failed=1
go vet -tags packages ./build/packtest || failed=1
echo "== go vet, linux/mips"
GOOS=linux GOARCH=mips go vet ./... || failed=1

echo "== staticcheck"
mkdir -p dist/tools
(cd build/tools && go build -buildvcs=false -o ../../dist/tools/staticcheck honnef.co/go/tools/cmd/staticcheck)
dist/tools/staticcheck ./... || failed=1

echo "== shellcheck"
scripts=$(for f in $(files); do
	head -n 1 "$f" | grep -qaE '^#!.*/(sh|bash|env (sh|bash))( |$)' && echo "$f"
done || true)
# shellcheck disable=SC2086 # one word a file
shellcheck $scripts || failed=1

exit $failed
