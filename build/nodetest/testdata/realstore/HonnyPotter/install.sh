#!/bin/sh
# Wants a web server that is not there, as an installer of a plugin would.
echo "no WordPress here" >&2
exit 1
