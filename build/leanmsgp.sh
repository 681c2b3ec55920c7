#!/bin/sh
# Copies the module github.com/tinylib/msgp without its translation to JSON.
# The node uses nothing of it, but tables filled at the start hold it, and
# encoding/json with it: 225 KiB.
#   build/leanmsgp.sh        makes dist/leanmsgp: go.mod, for go build -modfile, and msgp
# A program that calls what is left out does not compile. Fails when msgp, as
# it is now, can't do without.
set -eu
cd "$(dirname "$0")/.."
module=github.com/tinylib/msgp
out=dist/leanmsgp
rm -rf "$out"
mkdir -p "$out/msgp/msgp"
go mod download "$module"
from=$(go list -m -f '{{.Dir}}' "$module")
for file in "$from"/go.mod "$from"/LICENSE "$from"/msgp/*.go; do
	case $file in
	*_test.go | */msgp/json.go | */msgp/json_bytes.go) ;;
	*) cat "$file" >"$out/msgp/${file#"$from"/}" ;; # the cache is read-only
	esac
done
cat >"$out/msgp/msgp/nojson.go" <<EOF
package msgp

import (
	"errors"
	"io"
)

// UnmarshalAsJSON is for Raw.MarshalJSON alone, which fails.
func UnmarshalAsJSON(io.Writer, []byte) ([]byte, error) { return nil, errors.ErrUnsupported }
EOF
cp go.mod go.sum "$out"
go mod edit -replace="$module=./$out/msgp" "$out/go.mod"
go build -modfile="$out/go.mod" "$module/msgp"
