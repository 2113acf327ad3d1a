#!/usr/bin/env bash
# All tests, as the README, a developer and .ci/run call them.
#
# The last line of output is `N passed, N failed, N skipped`; the exit status is 0 only if nothing failed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=scripts/lib/common.sh
source scripts/lib/common.sh

TIME_LIMIT_SECONDS="${HA_TEST_LIMIT_SECONDS:-1200}"
# The newest and the oldest Keycloak minor that are supported, on every run; --long adds those between, as far
# as their images can be had.
KEYCLOAKS=(26.7.3 26.4.7)
KEYCLOAKS_BETWEEN=(26.6.4 26.5.6)
STAGES=(fmt clippy build unit doc deny java jar integration)

usage() {
  cat <<TEXT
usage: scripts/test.sh [options] [-- TEST-ARGUMENTS]

  --quick        without the tests that need a Docker engine (they are counted as skipped)
  --only STAGE   this stage only, with what it needs; may be given several times
                 stages: ${STAGES[*]}
  --deny         install cargo-deny if it is missing (compiles for minutes)
  --long         also the tests that are marked as ignored, and every Keycloak minor
  --matrix       the fault matrix too, for most of an hour; its table is written to docs/fault-matrix.md, or
                 to the file that HA_MATRIX names
  --threads N    integration tests at a time (default: the number of processors and one)
  -h, --help

What follows -- goes to the integration tests, such as the name of one. Installs what is missing on a Debian machine
where you are root: build tools, a Docker engine, the images. Limit: $TIME_LIMIT_SECONDS s, compiling not counted
(HA_TEST_LIMIT_SECONDS).
TEXT
}

quick='' install_deny='' long='' matrix='' only=() test_arguments=()
# One more than there are processors: what these tests do most is wait.
threads="${HA_TEST_THREADS:-$(($(nproc) + 1))}"

parse_arguments() {
  while (($#)); do
    case "$1" in
      --quick) quick=1 ;;
      --deny) install_deny=1 ;;
      --long) long=1 ;;
      --matrix) matrix=1 ;;
      --only)
        [[ " ${STAGES[*]} " == *" ${2:-} "* ]] || wrong_usage "--only takes one of: ${STAGES[*]}"
        only+=("$2")
        shift
        ;;
      --threads)
        [[ "${2:-}" =~ ^[1-9][0-9]*$ ]] || wrong_usage "--threads takes a number"
        threads="$2"
        shift
        ;;
      -h | --help) usage; exit 0 ;;
      --) shift; test_arguments=("$@"); break ;;
      *) wrong_usage "unknown argument: $1" ;;
    esac
    shift
  done
}

wrong_usage() {
  say "$1"
  usage >&2
  exit 2
}

wanted() { ((${#only[@]} == 0)) || [[ " ${only[*]} " == *" $1 "* ]]; }

# test_targets WHICH... : tests in `crates/*/tests` are integration tests of cargo; those of the adapters and of ha-tests
# need an engine, those of ha-core and ha-cli must not. The fault matrix is for itself, and so are the hosts, which have
# engines of their own.
test_targets() {
  local path name needs
  for path in crates/*/tests/*; do
    case "$path" in
      */matrix) needs=matrix ;;
      */hosts) needs=hosts ;;
      crates/ha-core/* | crates/ha-cli/*) needs=plain ;;
      *) needs=engine ;;
    esac
    [[ " $* " == *" $needs "* ]] || continue
    name="$(basename "$path" .rs)"
    if [[ "$path" == *.rs || -f "$path/main.rs" ]]; then printf -- '--test\n%s\n' "$name"; fi
  done
}

count_engine_tests() {
  local targets
  mapfile -t targets < <(test_targets engine hosts)
  cargo test --quiet --workspace "${targets[@]}" -- --list --format terse 2>/dev/null | grep -c ': test$' || true
}

run_integration() {
  local targets hosts status=0
  mapfile -t targets < <(test_targets engine)
  mapfile -t hosts < <(test_targets hosts)
  if [[ -n "$quick" ]]; then
    export HA_TEST_NO_ENGINE=1
    skip integration "$(count_engine_tests)" "--quick"
    return
  fi
  finish_preparing || status=$?
  if ((status == EXIT_UNAVAILABLE)); then
    export HA_TEST_NO_ENGINE=1
    skip integration "$(count_engine_tests)" "no Docker engine can be had here"
    return
  elif ((status != 0)); then
    record integration FAILED 0 0 1 0 "the images could not be made"
    return 1
  fi
  export_keycloaks "${KEYCLOAKS[@]}" ${long:+"${KEYCLOAKS_BETWEEN[@]}"}
  # The extension's driver on a real primary and standby.
  stage --tests java-postgres scripts/extension.sh test-postgres || true
  local arguments=(-- "--test-threads=$threads" ${long:+--include-ignored} "${test_arguments[@]}")
  # `--workspace` everywhere: another selection of packages means other features, and all is compiled again.
  # The hosts' tests mostly wait, the others mostly compute.
  local run=(scripts/lib/side-by-side.sh
    cargo test --workspace --no-fail-fast "${targets[@]}" "${arguments[@]}" ----
    cargo test --workspace --no-fail-fast "${hosts[@]}" "${arguments[@]}")
  stage --tests integration "${run[@]}" || status=$?
  ((status != 0)) || return 0
  # What fails with an engine that locks itself up says nothing about what is tested: all of it is run once more.
  local restarted=0
  scripts/engine.sh --restart-hung || restarted=$?
  ((restarted == 4)) || return "$status"
  discard_last "the engine locked itself up and was restarted: all of it again"
  stage --tests integration "${run[@]}"
}

run_matrix() {
  export HA_MATRIX="${HA_MATRIX:-docs/fault-matrix.md}"
  HA_MATRIX="$(realpath -m "$HA_MATRIX")"
  stage --tests matrix cargo test --workspace --test matrix -- "${test_arguments[@]}"
}

run_deny() {
  if ! cargo deny --version >/dev/null 2>&1; then
    if [[ -z "$install_deny" ]]; then
      skip deny 1 "cargo-deny is not installed (--deny installs it)"
      return
    fi
    stage deny-install cargo install --quiet --locked cargo-deny || return
  fi
  # Advisories need a database from the network, which a test run must not depend on.
  stage deny cargo deny check licenses bans sources
}

main() {
  parse_arguments "$@"
  if [[ -n "$matrix" && -z "${HA_TEST_LIMIT_SECONDS:-}" ]]; then TIME_LIMIT_SECONDS=$((TIME_LIMIT_SECONDS + 4800)); fi
  # shellcheck source=scripts/lib/stages.sh
  source scripts/lib/stages.sh
  # shellcheck source=scripts/lib/prepare.sh
  source scripts/lib/prepare.sh
  trap 'stop_stage; stop_preparing' EXIT
  scripts/build-tools.sh rust
  if wanted integration && [[ -z "$quick" ]]; then
    start_preparing "$TIME_LIMIT_SECONDS" "${KEYCLOAKS[*]}" "${long:+${KEYCLOAKS_BETWEEN[*]}}"
  fi

  local plain name
  mapfile -t plain < <(test_targets plain)
  if wanted fmt; then stage fmt cargo fmt --all --check || true; fi
  if wanted clippy; then stage clippy cargo clippy --quiet --workspace --all-targets -- -D warnings || true; fi
  # The binaries too: tests run ha-cli itself.
  local compiles=1
  if wanted build || wanted unit || wanted doc || wanted integration; then
    stage build cargo build --quiet --workspace --all-targets || compiles=''
  fi
  # A machine that has compiled nothing yet needs minutes for it; the limit is that of the tests.
  TIME_LIMIT_SECONDS=$((TIME_LIMIT_SECONDS + SECONDS))
  HA_CLI="$(realpath -m "${CARGO_TARGET_DIR:-target}")/debug/ha-cli"
  export HA_CLI
  if [[ -n "$compiles" ]]; then
    if wanted unit; then stage --tests unit cargo test --workspace --no-fail-fast --lib --bins --examples "${plain[@]}" || true; fi
    if wanted doc; then stage --tests doc cargo test --workspace --no-fail-fast --doc || true; fi
  else
    for name in unit doc integration; do
      if wanted "$name"; then skip "$name" 1 "it does not compile"; fi
    done
  fi
  if wanted deny; then run_deny || true; fi
  if wanted java; then stage --tests java scripts/extension.sh test || true; fi
  # The committed jar is what its source gives.
  if wanted jar; then stage jar scripts/extension.sh check || true; fi
  if [[ -n "$compiles" ]] && wanted integration; then run_integration || true; fi
  if [[ -n "$compiles" && -n "$matrix" ]]; then run_matrix || true; fi
  summary
}

main "$@"
