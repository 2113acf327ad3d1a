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
usage: scripts/build-tools.sh [rust] [java]

  rust   a C compiler and pkg-config, which some crates need
  java   a JDK ($OLDEST_JDK or newer) and Maven: only to rebuild or test the Keycloak extension

Without names: both. Installs what is missing by apt (Debian, root). Rust itself is not installed here:
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

main() {
  local wanted=("$@") tool
  ((${#wanted[@]})) || wanted=(rust java)
  for tool in "${wanted[@]}"; do
    case "$tool" in
      rust) ensure_rust_tools ;;
      java) ensure_java_tools ;;
      -h | --help) usage; exit 0 ;;
      *) usage >&2; exit 2 ;;
    esac
  done
}

main "$@"
