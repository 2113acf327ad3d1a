# shellcheck shell=bash
# Runs the stages of a test run: time limit, live output, counts of tests, and one summary at the end.
# Sourced by scripts/test.sh, after common.sh.
#
# A stage that is a check of its own (a formatter, a linter) counts as one; one that runs tests counts those only.

stage_rows=()
total_passed=0 total_failed=0 total_skipped=0
stage_pid=''
stage_dir="$(mktemp -d)"
stage_log="$stage_dir/log"

# `timeout` puts a stage into a process group of its own and hands a signal on to all of it: nothing goes on
# behind an interrupted run.
stop_stage() {
  [[ -z "$stage_pid" ]] || kill -TERM "$stage_pid" 2>/dev/null || true
}

on_interrupt() {
  stop_stage
  rm -rf "$stage_dir"
  say "interrupted"
  exit 130
}
trap on_interrupt INT TERM

# count_tests LOG : sets passed, failed, skipped from the closing lines of cargo test and of Maven's surefire.
# Surefire prints one line for each class (with "Time elapsed") and one for all; only the last is counted.
count_tests() {
  read -r passed failed skipped < <(awk '
    /^test result: / {
      for (i = 1; i <= NF; i++) {
        if ($i ~ /^passed/) p += $(i - 1)
        if ($i ~ /^failed/) f += $(i - 1)
        if ($i ~ /^ignored/) s += $(i - 1)
      }
    }
    /Tests run: [0-9]+, Failures: [0-9]+/ && !/Time elapsed/ {
      line = $0; sub(/.*Tests run: /, "", line); gsub(/[^0-9]+/, " ", line); split(line, n, " ")
      f += n[2] + n[3]; s += n[4]; p += n[1] - n[2] - n[3] - n[4]
    }
    END { printf "%d %d %d\n", p, f, s }' "$1")
}

# record NAME RESULT SECONDS PASSED FAILED SKIPPED [REMARK]
record() {
  stage_rows+=("$(printf '%-12s %-9s %4d s  %5d passed %4d failed %4d skipped  %s' "$1" "$2" "$3" "$4" "$5" "$6" "${7:-}")")
  ((total_passed += $4, total_failed += $5, total_skipped += $6)) || true
}

# discard_last REASON : the stage that was recorded last is shown, and counts for nothing.
discard_last() {
  local last="${stage_rows[-1]}" name seconds passed failed skipped
  read -r name _ seconds _ passed _ failed _ skipped _ <<<"$last"
  ((total_passed -= passed, total_failed -= failed, total_skipped -= skipped)) || true
  unset 'stage_rows[-1]'
  say "stage $name: DISCARDED, $1"
  record "$name" discarded "$seconds" 0 0 0 "$1"
}

# skip NAME COUNT REASON
skip() {
  say "stage $1: SKIPPED, $3"
  record "$1" skipped 0 0 0 "$2" "$3"
}

# stage [--tests] NAME COMMAND... : runs it within what is left of the time; returns its outcome. A command that
# ends with EXIT_UNAVAILABLE could not run on this machine: the stage is skipped.
stage() {
  local runs_tests=''
  if [[ "$1" == --tests ]]; then runs_tests=1; shift; fi
  local name="$1" started=$SECONDS status=0 left remark=''
  local passed failed skipped tee_pid
  shift
  left=$((TIME_LIMIT_SECONDS - SECONDS))
  ((left > 0)) || left=1
  say "stage $name: $*"
  rm -f "$stage_dir/pipe"
  mkfifo "$stage_dir/pipe"
  tee "$stage_log" <"$stage_dir/pipe" &
  tee_pid=$!
  # `--foreground` is left out on purpose: see stop_stage.
  timeout --kill-after=15 "$left" "$@" >"$stage_dir/pipe" 2>&1 &
  stage_pid=$!
  wait "$stage_pid" || status=$?
  stage_pid=''
  # The exit status may arrive before the last lines have gone through. Not for ever: a process that a
  # stage left behind would hold the pipe open.
  # shellcheck disable=SC2317 # called by wait_until
  pipe_is_drained() { ! kill -0 "$tee_pid" 2>/dev/null; }
  wait_until 5 pipe_is_drained || kill "$tee_pid" 2>/dev/null || true
  count_tests "$stage_log"
  if ((status == EXIT_UNAVAILABLE)); then
    skip "$name" 1 "something it needs cannot be had here, see above"
    return 0
  fi
  if ((status == 124 || status == 137)); then remark="stopped: with what came before it may take $TIME_LIMIT_SECONDS s"; fi
  # Whatever failed without a failed test (did not compile, timed out, crashed) is a failure too.
  if ((status != 0 && failed == 0)); then failed=1; fi
  if ((status == 0 && failed > 0)); then status=1; fi
  if ((passed + failed + skipped == 0)); then
    if [[ -n "$runs_tests" ]]; then remark="no test was run"; else passed=1; fi
  fi
  record "$name" "$( ((status == 0)) && echo ok || echo FAILED)" $((SECONDS - started)) "$passed" "$failed" "$skipped" "$remark"
  return "$status"
}

# The closing line stands alone and last: programs read it.
summary() {
  rm -rf "$stage_dir"
  printf '\n%s\n' '--- stages'
  printf '%s\n' "${stage_rows[@]}"
  printf '%-12s %-9s %4d s\n\n' total '' "$SECONDS"
  printf '%d passed, %d failed, %d skipped\n' "$total_passed" "$total_failed" "$total_skipped"
  ((total_failed == 0))
}
