#!/usr/bin/env bash
# Makes sure that a Docker engine answers; does nothing when one does.
#
# Exit codes: 0 an engine answers, 3 none can be had on this machine (the reason is said), 4 it was restarted
# (--restart-hung only), 2 wrong usage.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=scripts/lib/common.sh
source scripts/lib/common.sh

START_LIMIT_SECONDS=60
RESTARTED=4
# Which dockerd this script started: nobody else's is ever ended.
OWN_ENGINE=/run/ha-cli-engine.pid

usage() {
  cat <<'TEXT'
usage: scripts/engine.sh [--restart-hung]

Makes sure that a Docker engine answers `docker info`. When none does, and this is Debian and you are root,
installs docker.io and starts it. With DOCKER_HOST set to a remote engine, only looks whether it answers.

  --restart-hung   also restarts an engine that this script started and that does not answer `docker info` any more;
                   ends with 4 then, and with 0 where nothing had to be done
TEXT
}

# `docker version` asks the server and fails without one, in every client since 17; `docker info` did not always.
engine_answers() { have docker && bounded 10 docker version --format '{{.Server.Version}}' >/dev/null 2>&1; }

unavailable() {
  say "no Docker engine: $1"
  exit "$EXIT_UNAVAILABLE"
}

log_file() {
  local dir
  for dir in /var/log "${XDG_STATE_HOME:-${HOME:-/root}/.local/state}/ha-cli"; do
    if mkdir -p "$dir" 2>/dev/null && [[ -w "$dir" ]]; then
      printf '%s/ha-cli-dockerd.log\n' "$dir"
      return
    fi
  done
  printf '/dev/null\n'
}

# A daemon that is gone (power cut, SIGKILL) leaves its pid file, and a later process may carry that number:
# dockerd then refuses to start. Only a pid file that no dockerd owns is removed.
remove_stale_pid_file() {
  local file pid
  for file in /var/run/docker.pid /run/docker/containerd/containerd.pid; do
    [[ -r "$file" ]] || continue
    pid="$(<"$file")"
    case "$(cat "/proc/$pid/comm" 2>/dev/null || true)" in
      dockerd | containerd) ;;
      *) rm -f "$file" ;;
    esac
  done
}

start_without_systemd() {
  local log dockerd_pid
  log="$(log_file)"
  remove_stale_pid_file
  say "starting dockerd, log in $log"
  # Its own session and no inherited descriptors: it outlives this script, and a caller that reads our
  # output does not wait for the daemon. Descriptor 9 is the lock below.
  setsid dockerd </dev/null >>"$log" 2>&1 9>&- &
  dockerd_pid=$!
  printf '%s\n' "$dockerd_pid" >"$OWN_ENGINE"
  ready_or_dead() { engine_answers || ! kill -0 "$dockerd_pid" 2>/dev/null; }
  wait_until "$START_LIMIT_SECONDS" ready_or_dead || true
  engine_answers && return
  local what='ended by itself'
  if kill "$dockerd_pid" 2>/dev/null; then what="did not answer within $START_LIMIT_SECONDS s"; fi
  say "the last lines of $log:"
  tail -n 8 "$log" >&2 || true
  unavailable "dockerd $what (is this a container that may not make namespaces?)"
}

start_with_systemd() {
  say "starting the docker service"
  systemctl start docker >&2 || unavailable "'systemctl start docker' failed; see 'journalctl -u docker'"
  wait_until "$START_LIMIT_SECONDS" engine_answers ||
    unavailable "the docker service runs, but did not answer within ${START_LIMIT_SECONDS} s; see 'journalctl -u docker'"
}

# Engines before 20.10.27 can lock themselves up where containers of one network come and go at once (moby #46661):
# `docker version` still answers, `docker info` and whatever concerns a network never does. Asked twice, for a busy
# machine may be slow once.
engine_hangs() {
  ! bounded 30 docker info >/dev/null 2>&1 && ! bounded 60 docker info >/dev/null 2>&1
}

# restart_hung : ends the engine that this script started. On SIGUSR1 it writes down what it was waiting for.
restart_hung() {
  local pid stacks
  pid="$(cat "$OWN_ENGINE" 2>/dev/null || true)"
  [[ -n "$pid" && "$(cat "/proc/$pid/comm" 2>/dev/null)" == dockerd ]] ||
    unavailable "it does not answer 'docker info' any more, and was not started by this script: restart it"
  say "the engine does not answer 'docker info' any more: restarting it"
  # shellcheck disable=SC2317 # called by wait_until
  stacks_written() { stacks="$(find /run/docker -name 'goroutine-stacks-*.log' -newer "$OWN_ENGINE" -print -quit)" && [[ -n "$stacks" ]]; }
  # shellcheck disable=SC2317 # called by wait_until
  gone() { ! kill -0 "$pid" 2>/dev/null; }
  kill -USR1 "$pid" 2>/dev/null || true
  if wait_until 5 stacks_written; then
    say "its stacks are in $stacks; moby #46661 is named by $(grep -c 'getSvcRecords\|processEndpointDelete' "$stacks" || true) of their lines"
  fi
  kill -TERM "$pid" 2>/dev/null || true
  wait_until 30 gone || { kill -KILL "$pid" 2>/dev/null || true; wait_until 10 gone || unavailable "it cannot be ended"; }
  start_without_systemd
}

main() {
  case "${1:-}" in
    '') ;;
    --restart-hung)
      engine_hangs || exit 0
      restart_hung
      exit "$RESTARTED"
      ;;
    -h | --help) usage; exit 0 ;;
    *) usage >&2; exit 2 ;;
  esac
  engine_answers && exit 0

  # Starting a local engine would not help a caller whose client is told to ask elsewhere.
  case "${DOCKER_HOST:-}" in
    '' | unix:///var/run/docker.sock | unix:///run/docker.sock) ;;
    *) unavailable "DOCKER_HOST is $DOCKER_HOST, and nothing answers there; start it, or unset DOCKER_HOST" ;;
  esac
  ((EUID == 0)) || unavailable "none answers (or you may not use it), and only root can install one"

  # Two scripts at once must not start two daemons; the second waits, then finds the first one's.
  exec 9>/run/ha-cli-engine.lock
  flock -w 900 9 || unavailable "another scripts/engine.sh has been at work for 15 minutes"
  engine_answers && exit 0

  if ! have dockerd; then
    is_debian || unavailable "dockerd is not installed, and this is no Debian: install Docker 20.10 or newer"
    apt_install docker.io iptables || unavailable "docker.io could not be installed"
  fi
  engine_answers && exit 0 # the package's own service may have started it
  if [[ -d /run/systemd/system ]]; then start_with_systemd; else start_without_systemd; fi
  say "Docker engine $(docker version --format '{{.Server.Version}}') answers"
}

main "$@"
