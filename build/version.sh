#!/bin/sh
# Prints the version that goes into the binary: of git's tags, or "devel"
# where there is no git or no repository (a source archive).
set -eu
cd "$(dirname "$0")/.."
git describe --tags --always --dirty 2>/dev/null || echo devel
