#!/usr/bin/env bash
# Makes sure of the container images: present, else pulled, else built here from Debian and Maven Central.
#
# Stdout is for callers to `eval`: one `HA_…_IMAGE…=name` a line. Everything else is said on stderr.
# Exit codes: 0 all there, 1 one could not be had, 2 wrong usage, 3 no engine answers.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=scripts/lib/common.sh
source scripts/lib/common.sh
# shellcheck source=scripts/lib/image-build.sh
source scripts/lib/image-build.sh

DEFAULT_KEYCLOAK=26.7.3
PULL_ANSWER_SECONDS=20
PULL_SECONDS=1200

usage() {
  cat <<TEXT
usage: scripts/images.sh [--no-pull] [--rebuild] [--for-tests] [postgres] [keycloak[ VERSION]]...

For each image wanted: does nothing when it is there, else pulls the official one, else builds one of the same
contract (images/) from Debian packages and the Keycloak distribution on Maven Central.
Without names: postgres, and keycloak $DEFAULT_KEYCLOAK.

  --no-pull   do not try to pull (also: HA_IMAGES_NO_PULL=1)
  --rebuild   build anew what was built here, base included: newest Debian packages
  --for-tests on each Keycloak one that compiles with the JVM's first compiler only: a start takes half the
              processor time, long work takes more. For tests, which start many and use each for seconds

Prints for \`eval\`:
  HA_POSTGRES_IMAGE=…              HA_KEYCLOAK_IMAGE_26_7_3=…   (one for each version)
  HA_KEYCLOAK_IMAGE=…              (the first version named)
TEXT
}

present() { docker image inspect "$1" >/dev/null 2>&1; }

# Set once a registry could not be reached: asking again for the next image would only cost the time again.
registry_silent="${HA_IMAGES_NO_PULL:-}"

# The registry has PULL_ANSWER_SECONDS to answer at all; once layers flow, a slow line gets its time.
pull() {
  local image="$1" output pid
  [[ -z "$registry_silent" ]] || return 1
  output="$(mktemp)"
  say "$image: trying to pull"
  timeout "$PULL_SECONDS" docker pull "$image" >"$output" 2>&1 &
  pid=$!
  answered_or_over() { grep -qE 'Pulling from|Pulling fs layer' "$output" || ! kill -0 "$pid" 2>/dev/null; }
  if ! wait_until "$PULL_ANSWER_SECONDS" answered_or_over; then
    kill "$pid" 2>/dev/null || true
    echo "no answer within $PULL_ANSWER_SECONDS s" >>"$output"
  fi
  if wait "$pid"; then
    rm -f "$output"
    say "$image: pulled"
    return 0
  fi
  say "$image: cannot be pulled: $(tail -n 1 "$output")"
  # "This image does not exist" is an answer; anything else is a registry out of reach.
  grep -qiE 'manifest unknown|not found: manifest|repository does not exist' "$output" || registry_silent=1
  rm -f "$output"
  return 1
}

# settle OFFICIAL LOCAL BUILD-COMMAND... : sets `settled` to the name to be used.
settle() {
  local official="$1" local_name="$2"
  shift 2
  if present "$official"; then
    settled="$official"
  elif [[ -z "$rebuild" ]] && "$@" --current; then
    settled="$local_name"
  elif [[ -z "$rebuild" ]] && ! present "$local_name" && pull "$official"; then
    settled="$official"
  else
    "$@"
    settled="$local_name"
  fi
}

main() {
  local want_postgres='' versions=() rebuild='' for_tests='' settled version
  while (($#)); do
    case "$1" in
      -h | --help) usage; exit 0 ;;
      --no-pull) registry_silent=1 ;;
      --rebuild) rebuild=1 ;;
      --for-tests) for_tests=1 ;;
      postgres) want_postgres=1 ;;
      keycloak)
        if [[ "${2:-}" =~ ^[0-9]+\.[0-9]+\.[0-9]+$ ]]; then versions+=("$2"); shift; else versions+=("$DEFAULT_KEYCLOAK"); fi
        ;;
      *[0-9].[0-9]*) [[ "$1" =~ ^[0-9]+\.[0-9]+\.[0-9]+$ ]] || { usage >&2; exit 2; }; versions+=("$1") ;;
      *) usage >&2; exit 2 ;;
    esac
    shift
  done
  if [[ -z "$want_postgres" ]] && ((${#versions[@]} == 0)); then
    want_postgres=1 versions=("$DEFAULT_KEYCLOAK")
  fi

  bounded 10 docker version --format '{{.Server.Version}}' >/dev/null 2>&1 ||
    die "no Docker engine answers: run scripts/engine.sh first" "$EXIT_UNAVAILABLE"
  # Two builds at once would fetch and unpack everything twice on the same cores.
  exec 8>"$(cache_dir)/images.lock"
  flock -w 1800 8 || die "another scripts/images.sh has been building for 30 minutes"
  [[ -z "$rebuild" ]] || forget_base

  if [[ -n "$want_postgres" ]]; then
    settle "postgres:$PG_MAJOR" "ha-local/postgres:$PG_MAJOR" build_postgres
    printf 'HA_POSTGRES_IMAGE=%s\n' "$settled"
  fi
  local first=''
  for version in "${versions[@]}"; do
    settle "keycloak/keycloak:$version" "ha-local/keycloak:$version" build_keycloak "$version"
    [[ -z "$for_tests" ]] || start_quickly "$version"
    printf 'HA_KEYCLOAK_IMAGE_%s=%s\n' "${version//./_}" "$settled"
    [[ -n "$first" ]] || first="$settled"
  done
  [[ -z "$first" ]] || printf 'HA_KEYCLOAK_IMAGE=%s\n' "$first"
}

main "$@"
