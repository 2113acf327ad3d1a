#!/bin/sh
# Removes the data that a rewind or a new copy put aside.
set -eu
rm -rf "$PGDATA.old"
sync
