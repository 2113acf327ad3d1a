#!/usr/bin/env bash
# Makes sure that a Docker engine answers; does nothing when one does.
#
# Exit codes: 0 an engine answers, 3 none can be had on this machine (the reason is said), 2 wrong usage.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=scripts/lib/common.sh
source scripts/lib/common.sh

START_LIMIT_SECONDS=60

usage() {
  cat <<'TEXT'
usage: scripts/engine.sh

Makes sure that a Docker engine answers `docker info`. When none does, and this is Debian and you are root,
installs docker.io and starts it. With DOCKER_HOST set to a remote engine, only looks whether it answers.
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

main() {
  case "${1:-}" in
    '') ;;
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
