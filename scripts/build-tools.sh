#!/usr/bin/env bash
# Makes sure of what building needs besides Rust; does nothing when all is there.
#
# Exit codes: 0 all there, 1 something is missing and cannot be installed, 2 wrong usage.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=scripts/lib/common.sh
source scripts/lib/common.sh

OLDEST_JDK=17

usage() {
  cat <<TEXT
usage: scripts/build-tools.sh [rust] [java] [hosts]

  rust   a C compiler and pkg-config, which some crates need
  java   a JDK ($OLDEST_JDK or newer) and Maven: only to rebuild or test the Keycloak extension
  hosts  what the tests on separate hosts need (docs/testing.md), and HAProxy; neither its service nor the SSH server's
         is started

Without names: rust and java. Installs what is missing by apt (Debian, root). Rust itself is not installed here:
see rust-toolchain.toml for the version.
TEXT
}

ensure_rust_tools() {
  have cargo || die "cargo is not on PATH: install Rust (https://rustup.rs), then run this again"
  have cc || apt_install gcc libc6-dev || die "a C compiler could not be installed"
  have pkg-config || apt_install pkg-config || die "pkg-config could not be installed"
}

# A runtime alone has no javac; "javac 17.0.9", "javac 25".
jdk_is_new_enough() {
  local version
  version="$(javac -version 2>&1)" || return 1
  version="${version#javac }"
  ((${version%%[!0-9]*} >= OLDEST_JDK))
}

ensure_java_tools() {
  have javac && jdk_is_new_enough || apt_install default-jdk-headless || die "a JDK could not be installed"
  jdk_is_new_enough || die "the JDK on PATH is older than $OLDEST_JDK: $(javac -version 2>&1)"
  have mvn || apt_install maven || die "Maven could not be installed"
}

# Debian starts the services of a package when it is installed. These are for tests, which start their own.
install_without_starting() {
  local policy=/usr/sbin/policy-rc.d made='' status=0
  if [[ ! -e "$policy" ]]; then
    printf '#!/bin/sh\nexit 101\n' >"$policy" && chmod +x "$policy" && made=1
  fi
  apt_install "$@" || status=$?
  [[ -z "$made" ]] || rm -f "$policy"
  return "$status"
}

ensure_hosts_tools() {
  # For an image with the tools of Alpine; without it that one test says that it is left out.
  apt_install busybox-static || say "busybox-static could not be installed"
  # The same for clocks that are set.
  apt_install libfaketime || say "libfaketime could not be installed"
  apt_install iproute2 iptables util-linux e2fsprogs python3 || die "what the tests on separate hosts need could not be installed"
  if ! [[ -x /usr/sbin/sshd ]] && ! have sshd; then
    install_without_starting openssh-server || die "an SSH server for the tests could not be installed"
    # Nor with the next start of the machine: nobody asked for one.
    ! have systemctl || systemctl --quiet disable ssh.service ssh.socket 2>/dev/null || true
  fi
  if ! [[ -x /usr/sbin/haproxy ]] && ! have haproxy; then
    install_without_starting haproxy || die "HAProxy for the tests could not be installed"
    ! have systemctl || systemctl --quiet disable haproxy.service 2>/dev/null || true
  fi
}

main() {
  local wanted=("$@") tool
  ((${#wanted[@]})) || wanted=(rust java)
  for tool in "${wanted[@]}"; do
    case "$tool" in
      rust) ensure_rust_tools ;;
      java) ensure_java_tools ;;
      hosts) ensure_hosts_tools ;;
      -h | --help) usage; exit 0 ;;
      *) usage >&2; exit 2 ;;
    esac
  done
}

main "$@"
