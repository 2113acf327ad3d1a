# shellcheck shell=bash
# Gets the engine and the images ready while something else runs: on a fresh machine both this and the first
# compilation take minutes. Sourced by scripts/test.sh, after common.sh and stages.sh.

prepare_out='' prepare_pid=''

# start_preparing LIMIT REQUIRED-VERSIONS OPTIONAL-VERSIONS : both lists in one word each, separated by blanks.
# A group of processes of its own (`timeout` makes one) can be ended with all it started; dockerd stays, it has a
# session of its own.
start_preparing() {
  prepare_out="$(mktemp)"
  say "getting the engine and the images ready in the background"
  # shellcheck disable=SC2016 # expanded by the inner shell
  timeout --kill-after=15 "$1" bash -c '
    set -e
    scripts/engine.sh
    # Without these, the tests that need them show as ignored, with the reason.
    scripts/build-tools.sh hosts || true
    required=(postgres)
    for version in $2; do required+=(keycloak "$version"); done
    scripts/images.sh --for-tests "${required[@]}" >"$1"
    for version in $3; do
      scripts/images.sh --for-tests keycloak "$version" | grep "_IMAGE_" >>"$1" || true
    done
    # Likewise. It is fetched with --long, and used where it was.
    [[ -n "$3" ]] || no_fetch=--no-fetch
    scripts/newer-engine.sh ${no_fetch:-} >>"$1" || true' bash "$prepare_out" "$2" "$3" &
  prepare_pid=$!
}

# Exports what images.sh printed. Returns 0: tests can run, EXIT_UNAVAILABLE: no engine can be had,
# anything else: the images could not be made.
finish_preparing() {
  local status=0 name value
  wait "$prepare_pid" || status=$?
  prepare_pid=''
  while IFS='=' read -r name value; do
    [[ ! "$name" =~ ^HA_[A-Z0-9_]+$ ]] || export "$name=$value"
  done <"$prepare_out"
  rm -f "$prepare_out"
  return "$status"
}

stop_preparing() {
  [[ -z "$prepare_pid" ]] || kill -TERM "$prepare_pid" 2>/dev/null || true
  [[ -z "$prepare_out" ]] || rm -f "$prepare_out"
}

# export_keycloaks VERSION... : HA_TEST_KEYCLOAKS names those whose image is there; the others show as skipped.
export_keycloaks() {
  local version variable there=()
  for version in "$@"; do
    variable="HA_KEYCLOAK_IMAGE_${version//./_}"
    if [[ -n "${!variable:-}" ]]; then there+=("$version"); else skip "$version" 1 "no image of this Keycloak can be had"; fi
  done
  export HA_TEST_KEYCLOAKS="${there[*]}"
}
