#!/bin/sh
# What a pot's own installer may do: write into its directory.
set -eu
echo "prepared for $HONEYBEE_POT_ID" >prepared.txt
echo "the installer says hello"
