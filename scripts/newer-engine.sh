#!/usr/bin/env bash
# Gets the programs of a newer Docker engine than this Debian has, without installing any of them: for tests of an upgrade,
# and to run the tests on separate hosts by another engine (docs/testing.md).
#
# Exit codes: 0 they are there, 2 wrong usage, 3 they cannot be had (the reason is said).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=scripts/lib/common.sh
source scripts/lib/common.sh

DEFAULT_RELEASE=trixie
# runc needs a newer C library than the machine may have.
PACKAGES=(docker.io containerd runc libc6 libseccomp2)
PROGRAMS=(dockerd docker-proxy containerd containerd-shim-runc-v2 runc)
LIBRARIES=(ld-linux-x86-64.so.2 libc.so.6 libseccomp.so.2)

usage() {
  cat <<TEXT
usage: scripts/newer-engine.sh [RELEASE] [--no-fetch]

The engine of another Debian (default $DEFAULT_RELEASE) is unpacked into a folder of the cache, once. Prints for \`eval\`:
  HA_TEST_NEWER_ENGINE=…

  --no-fetch   only where it is there already
TEXT
}

unavailable() {
  say "no newer engine: $1"
  exit "$EXIT_UNAVAILABLE"
}

# Where this machine gets its own packages from.
mirror() {
  # shellcheck disable=SC2016 # expanded by apt
  apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' 'Label: Debian' 2>/dev/null | head -n 1
}

# fetch RELEASE FOLDER : lists, sources and state of apt are those of the folder; this machine's are not touched.
fetch() {
  local release="$1" work="$2" from
  from="$(mirror)"
  [[ -n "$from" ]] || { say "apt knows of no archive of Debian's"; return 1; }
  mkdir -p "$work"/{lists/partial,archives/partial,packages,root}
  printf 'deb %s %s main\n' "$from" "$release" >"$work/sources.list"
  cat >"$work/apt.conf" <<CONF
Dir::Etc::sourcelist "$work/sources.list";
Dir::Etc::sourceparts "-";
Dir::State::lists "$work/lists";
Dir::State::status "/dev/null";
Dir::Cache "$work";
Acquire::Languages "none";
Acquire::IndexTargets::deb::DEP-11::DefaultEnabled "false";
APT::Sandbox::User "";
CONF
  export APT_CONFIG="$work/apt.conf"
  _apt_get update || return
  (cd "$work/packages" && _apt_get download "${PACKAGES[@]}") || return
  unset APT_CONFIG
  local package
  for package in "$work"/packages/*.deb; do dpkg-deb -x "$package" "$work/root" || return; done
}

# assemble WORK FOLDER LASTING-FOLDER : what a host's engine is run from. runc starts itself anew by its own file, so the newer C
# library has to be named in there.
assemble() {
  local root="$1/root" folder="$2" name file
  mkdir -p "$folder/lib"
  for name in "${PROGRAMS[@]}"; do
    file="$(find "$root" -type f -name "$name" -perm -u+x -print -quit)"
    [[ -n "$file" ]] || { say "there is no $name in it"; return 1; }
    cp "$file" "$folder/"
  done
  for name in "${LIBRARIES[@]}"; do
    file="$(find "$root" -name "$name" -print -quit)"
    [[ -n "$file" ]] || { say "there is no $name in it"; return 1; }
    cp -L "$file" "$folder/lib/"
  done
  patchelf --set-interpreter "$3/lib/${LIBRARIES[0]}" --force-rpath --set-rpath "$3/lib" "$folder/runc"
}

works() { "$1/dockerd" --version >/dev/null 2>&1 && "$1/containerd" --version >/dev/null 2>&1 && "$1/runc" --version >/dev/null 2>&1; }

main() {
  local release='' no_fetch='' folder work
  while (($#)); do
    case "$1" in
      -h | --help) usage; exit 0 ;;
      --no-fetch) no_fetch=1 ;;
      [a-z]*) [[ -z "$release" ]] || { usage >&2; exit 2; }; release="$1" ;;
      *) usage >&2; exit 2 ;;
    esac
    shift
  done
  release="${release:-$DEFAULT_RELEASE}"
  folder="$(cache_dir)/engine-$release"
  exec 8>"$(cache_dir)/engine.lock"
  flock -w 900 8 || unavailable "another scripts/newer-engine.sh has been at work for 15 minutes"
  if ! works "$folder"; then
    [[ -z "$no_fetch" ]] || unavailable "it was not fetched (scripts/newer-engine.sh does it)"
    is_debian && have dpkg-deb || unavailable "this is no Debian; HA_TEST_NEWER_ENGINE may name a folder with dockerd and what it starts"
    [[ "$(uname -m)" == x86_64 ]] || unavailable "it is known for x86_64 alone"
    apt_install patchelf || unavailable "patchelf could not be installed"
    work="$(mktemp -d)"
    # shellcheck disable=SC2064 # the folder of now
    trap "rm -rf '$work'" EXIT
    say "fetching the engine of Debian $release"
    fetch "$release" "$work" || unavailable "Debian's packages of $release could not be fetched"
    assemble "$work" "$work/engine" "$folder" || unavailable "it could not be put together"
    rm -rf "$folder"
    mv "$work/engine" "$folder"
    works "$folder" || unavailable "its programs do not run here"
    say "$("$folder/dockerd" --version) in $folder"
  fi
  printf 'HA_TEST_NEWER_ENGINE=%q\n' "$folder"
}

main "$@"
