# shellcheck shell=bash
# What every script here needs: talking to the person, bounded waits, and Debian packages.
# Sourced, never run. Everything is said on stderr, so that stdout stays free for what callers read.

# No script here asks anything. What it starts (apt, a checksum of no files) must not wait for somebody to type.
exec </dev/null

# Ctrl-c ends the script itself as well: what it ended would be taken for failed, and told with a guess at the cause.
trap 'exit 130' INT

say() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }

# Exit code 3 is "the machine cannot give us this": callers may decide to go on without it.
# shellcheck disable=SC2034 # used by those who source this
EXIT_UNAVAILABLE=3

die() {
  say "error: $1"
  exit "${2:-1}"
}

have() { command -v "$1" >/dev/null 2>&1; }

# wait_until SECONDS COMMAND... : polls until the command succeeds; fails when the time is over.
wait_until() {
  local deadline=$((SECONDS + $1))
  shift
  until "$@"; do
    ((SECONDS < deadline)) || return 1
    sleep 0.2
  done
}

# bounded SECONDS COMMAND... : ends the command when the time is over. `timeout` alone makes a group of its own, in the
# background of the terminal, where ctrl-c reaches nobody, and who touches the terminal is stopped for ever.
bounded() {
  local seconds="$1"
  shift
  timeout --foreground --kill-after=15 "$seconds" "$@"
}

is_debian() { [[ -r /etc/debian_version ]] && have apt-get; }

cache_dir() {
  local dir="${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/ha-cli"
  mkdir -p "$dir"
  printf '%s\n' "$dir"
}

# Package lists may be missing (a fresh cloud image) or too old to install from; one refresh cures both, a
# second one would not help. What apt writes is shown only when it fails. `DPkg::Lock::Timeout` lets two scripts
# share a machine.
_apt_get() {
  local log status=0
  log="$(cache_dir)/apt.log"
  DEBIAN_FRONTEND=noninteractive bounded 900 apt-get -qq -o DPkg::Lock::Timeout=300 \
    -o Acquire::Retries=3 -o Dpkg::Use-Pty=0 "$@" >"$log" 2>&1 || status=$?
  ((status == 0)) || tail -n 20 "$log" >&2
  return "$status"
}

package_installed() {
  [[ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" == installed ]]
}

# apt_install PACKAGE... : installs what is missing and says so; silent when nothing is.
apt_install() {
  local package missing=()
  for package in "$@"; do
    package_installed "$package" || missing+=("$package")
  done
  ((${#missing[@]})) || return 0
  is_debian || { say "${missing[*]} needed, but this is no Debian: install them yourself"; return 1; }
  ((EUID == 0)) || { say "${missing[*]} needed: run this as root, or install them yourself"; return 1; }
  say "installing ${missing[*]}"
  _apt_get install -y --no-install-recommends "${missing[@]}" && return 0
  say "refreshing the package lists"
  _apt_get update && _apt_get install -y --no-install-recommends "${missing[@]}"
}
