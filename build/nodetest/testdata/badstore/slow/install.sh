#!/bin/sh
# An installer that does not come to its end, with children that ignore the
# first signals.
trap '' TERM INT HUP
for _ in 1 2 3; do
	sleep 3600 &
done
echo "unpacking for ever"
wait
wait
