#!/usr/bin/env bash
# The benchmark of docs/benchmarks.md: release builds, images, and one table on standard output.
#
# Exit codes: 0 all measured, 1 something was not, 2 wrong usage, 3 no Docker engine can be had.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=scripts/lib/common.sh
source scripts/lib/common.sh

target_dir="$(realpath -m "${CARGO_TARGET_DIR:-target}")"
# More than the longest full run takes on two busy cores; --rounds multiplies what it takes.
TIME_LIMIT_SECONDS="${HA_BENCH_LIMIT_SECONDS:-7200}"

usage() {
  cat <<TEXT
usage: scripts/bench.sh [--rounds N] [--only FIGURE]... [--megabytes N]... [--quick]

  --rounds N       rounds of each figure (default 5; 10 where roles change or nodes come back)
  --only FIGURE    up, start, commands, binary, rows, follows, throughput, sessions, switchover, balancer, failover, rejoin,
                   rebuild or durability; may be repeated
  --megabytes N    data that rejoin and rebuild bring back; may be repeated (default 100 and 1000)
  --quick          one round with tiny counts: shows that it works, the numbers mean little

Markdown on standard output, progress on standard error. Installs what is missing on a Debian machine where you are root:
build tools, a Docker engine, the images. Removes what it started. Leave the machine alone meanwhile; limit:
$TIME_LIMIT_SECONDS s (HA_BENCH_LIMIT_SECONDS). HA_CLI names another ha-cli than the one that is built here.
TEXT
}

for argument in "$@"; do
  case "$argument" in
    -h | --help) usage; exit 0 ;;
  esac
done

scripts/build-tools.sh rust
say "building (the first time takes minutes)"
if [[ -z "${HA_CLI:-}" ]]; then
  # By itself, as the demo builds it: together with the tests it would get features that it does not ship with.
  cargo build --release --quiet -p ha-cli
  export HA_CLI="$target_dir/release/ha-cli"
fi
cargo build --release --quiet -p ha-tests --bin ha-bench
scripts/engine.sh || exit
# Read before it is used: `eval "$(…)"` would hide the failure.
images="$(scripts/images.sh)"
HA_POSTGRES_IMAGE='' HA_KEYCLOAK_IMAGE=''
eval "$images"
export HA_POSTGRES_IMAGE HA_KEYCLOAK_IMAGE

# SIGTERM first: the program then removes what it started.
exec timeout --foreground --kill-after=60 "$TIME_LIMIT_SECONDS" "$target_dir/release/ha-bench" "$@"
