#!/usr/bin/env bash
# The whole pair on this one machine: two nodes on one Docker engine, proven to work. Run again, it does nothing
# that is done already.
#
# Exit codes: 0 done, 2 wrong usage, 3 no Docker engine can be had, else those of ha-cli.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=scripts/lib/common.sh
source scripts/lib/common.sh

demo_dir="${HA_DEMO_DIR:-$PWD/demo}"
target_dir="$(realpath -m "${CARGO_TARGET_DIR:-target}")"
cli="$target_dir/release/ha-cli"
HEALTHY_LIMIT_SECONDS=300

usage() {
  cat <<TEXT
usage: scripts/demo.sh [up]               build, get the images, run the pair, verify it
       scripts/demo.sh down               stop the pair, keep its data
       scripts/demo.sh down --volumes     destroy the pair and its data

Two nodes on this machine's Docker engine: Keycloak on the ports 3123 and 3124, PostgreSQL on 5432 and 5433.
On Debian, as root, it installs what is missing: build tools, a Docker engine, the images. The cluster's file and its
secrets go to $demo_dir (HA_DEMO_DIR).
TEXT
}

# cargo itself knows what is to be built again, and is quick to say "nothing".
build_cli() {
  scripts/build-tools.sh rust
  say "building ha-cli (the first time takes minutes)"
  cargo build --release --quiet -p ha-cli
}

ha() {
  printf '\n$ ha-cli %s\n' "$*" >&2
  "$cli" --config "$demo_dir/ha.toml" "$@"
}

is_healthy() { "$cli" --config "$demo_dir/ha.toml" health all >/dev/null 2>&1; }

up() {
  build_cli
  scripts/engine.sh || exit
  # Read before it is used: `eval "$(…)"` would hide the failure.
  local images
  images="$(scripts/images.sh)"
  local HA_POSTGRES_IMAGE='' HA_KEYCLOAK_IMAGE=''
  eval "$images"

  if [[ -e "$demo_dir/ha.toml" ]]; then
    say "the cluster of $demo_dir/ha.toml is used"
  else
    mkdir -p "$demo_dir"
    ha setup --demo --postgres-image "$HA_POSTGRES_IMAGE" --keycloak-image "$HA_KEYCLOAK_IMAGE"
  fi
  ha up --yes
  if ! wait_until "$HEALTHY_LIMIT_SECONDS" is_healthy; then
    say "not healthy after $HEALTHY_LIMIT_SECONDS s; this is why:"
    ha health all
    exit 1
  fi
  ha status
  ha verify
  closing_words
}

closing_words() {
  local config
  config="$(realpath --relative-to="$PWD" "$demo_dir")/ha.toml"
  cat <<TEXT

The pair runs.

  read-write Keycloak   http://localhost:3123   (primary)
  read-only Keycloak    http://localhost:3124   (standby)
  log in as             admin; the password is in ${config%ha.toml}ha.secrets.toml

Try next:
  alias ha-cli='$cli --config $demo_dir/ha.toml'
  ha-cli status                  the pair at a glance
  ha-cli monitor                 the same, repeated, with the lag over time; q ends it
  ha-cli logs --follow standby   what the standby says
  Change a user at :3123 and look for it at :3124.

Take it down:
  scripts/demo.sh down               keeps the data
  scripts/demo.sh down --volumes     destroys it
TEXT
}

down() {
  local volumes=''
  case "${1:-}" in
    '') ;;
    --volumes) volumes=1 ;;
    *) usage >&2; exit 2 ;;
  esac
  [[ -e "$demo_dir/ha.toml" ]] || { say "there is no demo in $demo_dir"; exit 0; }
  [[ -x "$cli" ]] || build_cli
  scripts/engine.sh || exit
  ha down --yes ${volumes:+--volumes}
  if [[ -n "$volumes" ]]; then
    # Of no use without the data, and only what setup wrote: the folder may be one that somebody chose.
    rm -f "$demo_dir/ha.toml" "$demo_dir/ha.secrets.toml"
    rmdir "$demo_dir" 2>/dev/null || true
    say "the demo and its data are gone"
  else
    say "stopped; scripts/demo.sh starts it again with its data"
  fi
}

case "${1:-up}" in
  up) (($# <= 1)) || { usage >&2; exit 2; }; up ;;
  down) shift; down "$@" ;;
  -h | --help) usage ;;
  *) usage >&2; exit 2 ;;
esac
