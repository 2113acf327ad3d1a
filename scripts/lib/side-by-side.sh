#!/usr/bin/env bash
# usage: scripts/lib/side-by-side.sh COMMAND... ---- COMMAND...
#
# Runs both at once. The first one's output is seen as it comes, the second one's afterwards. Ends with the status of the
# first that failed. Whoever ends it ends its process group with it, as `timeout` does.
set -euo pipefail

first=() second=()
while (($#)) && [[ "$1" != ---- ]]; do first+=("$1"); shift; done
shift
second=("$@")

output="$(mktemp)"
trap 'rm -f "$output"' EXIT
# What the second one has said so far is worth as much. It runs when the child has ended, which the same signal sees to.
trap 'cat "$output"; exit 143' TERM
"${second[@]}" >"$output" 2>&1 &
pid=$!
status=0
"${first[@]}" || status=$?
tail --pid="$pid" -n +1 -f "$output"
wait "$pid" || status=$((status ? status : $?))
exit "$status"
