# shellcheck shell=bash
# Builds the images of images/ . Sourced by scripts/images.sh, after common.sh.
#
# An image carries a label with a hash of everything that goes into it; it is current while the hash is the same.
# The exact Debian package versions are left out of it: a new Debian point release is no reason to build
# behind someone's back (`scripts/images.sh --rebuild` is).

PG_MAJOR=17
JAVA_MAJOR=21
BASE_SUITE=trixie
BASE_IMAGE="ha-local/$BASE_SUITE:1"
INPUT_LABEL=ha-local.inputs
MAVEN_DEPENDENCY_PLUGIN=org.apache.maven.plugins:maven-dependency-plugin:3.8.1

# Manual pages, documents and translations, as in Debian's own "slim" images.
BASE_OPTIONS=(
  --variant=minbase
  --dpkgopt='path-exclude=/usr/share/man/*'
  --dpkgopt='path-exclude=/usr/share/doc/*'
  --dpkgopt='path-include=/usr/share/doc/*/copyright'
  --dpkgopt='path-exclude=/usr/share/info/*'
  --dpkgopt='path-exclude=/usr/share/locale/*'
  --dpkgopt='path-include=/usr/share/locale/locale.alias'
)

# hash_of TEXT FILE... : one hash of words and of the files' contents.
hash_of() {
  { printf '%s\n' "$1"; sha256sum "${@:2}"; } | sha256sum | cut -c 1-32
}

base_hash() { hash_of "$BASE_SUITE ${BASE_OPTIONS[*]}"; }

# is_current IMAGE HASH
is_current() {
  [[ "$(docker image inspect -f "{{index .Config.Labels \"$INPUT_LABEL\"}}" "$1" 2>/dev/null)" == "$2" ]]
}

forget_base() { docker rmi -f "$BASE_IMAGE" >/dev/null 2>&1 || true; }

# Both images stand on one imported Debian, so that its layer is stored once.
ensure_base() {
  is_current "$BASE_IMAGE" "$(base_hash)" && return 0
  local archive
  apt_install mmdebstrap || die "mmdebstrap could not be installed"
  archive="$(mktemp --suffix .tar)"
  # shellcheck disable=SC2064 # the name of now, not of later
  trap "rm -f '$archive'" EXIT
  say "making a minimal Debian $BASE_SUITE"
  bounded 900 mmdebstrap --quiet "${BASE_OPTIONS[@]}" "$BASE_SUITE" "$archive" >&2 ||
    die "mmdebstrap failed: are the Debian mirrors in reach?"
  docker import --change "LABEL $INPUT_LABEL=$(base_hash)" --change 'CMD ["bash"]' "$archive" "$BASE_IMAGE" >/dev/null
  rm -f "$archive"
}

# build NAME HASH CONTEXT ARGUMENT... : says nothing while it goes well, everything when it does not.
build() {
  local name="$1" hash="$2" context="$3" log started=$SECONDS argument arguments=()
  shift 3
  for argument in "$@"; do arguments+=(--build-arg "$argument"); done
  log="$(cache_dir)/build-${name//[^a-z0-9.]/-}.log"
  say "building $name (log in $log)"
  # --force-rm: a failed step leaves its container behind otherwise.
  if ! bounded 1800 docker build --force-rm --label "$INPUT_LABEL=$hash" --tag "$name" \
    --build-arg "BASE=$BASE_IMAGE" "${arguments[@]}" "$context" >"$log" 2>&1; then
    tail -n 30 "$log" >&2
    die "$name could not be built"
  fi
  # What this build replaced, and the stages that the classic builder leaves behind: untagged and unused only.
  docker image prune -f --filter "label=$INPUT_LABEL" >/dev/null
  docker image prune -f --filter "label=ha-local.stage" >/dev/null
  say "$name built in $((SECONDS - started)) s"
}

# The newest package of the suite, as the image itself would see it.
newest_package() {
  # shellcheck disable=SC2016 # expanded by the container's shell
  bounded 300 docker run --rm "$BASE_IMAGE" sh -c \
    'apt-get update -qq >&2 && apt-cache madison "$1"' sh "$1" | awk -F ' *[|] *' 'NR == 1 { print $2 }'
}

# build_postgres [--current]
build_postgres() {
  local hash version
  hash="$(hash_of "postgres $PG_MAJOR $(base_hash)" images/postgres/*)"
  [[ "${1:-}" != --current ]] || { is_current "ha-local/postgres:$PG_MAJOR" "$hash"; return; }
  ensure_base
  version="$(newest_package "postgresql-$PG_MAJOR")"
  [[ -n "$version" ]] || die "Debian $BASE_SUITE offers no postgresql-$PG_MAJOR"
  build "ha-local/postgres:$PG_MAJOR" "$hash" images/postgres "PG_MAJOR=$PG_MAJOR" "PG_VERSION=$version"
}

# fetch_keycloak VERSION DIRECTORY : Maven checks the archive against the registry's checksum, and would
# only warn without being told to be strict.
fetch_keycloak() {
  local version="$1" directory="$2" log
  have java || apt_install default-jdk-headless || die "a JDK could not be installed"
  have mvn || apt_install maven || die "Maven could not be installed"
  log="$(cache_dir)/fetch-keycloak-$version.log"
  say "fetching the Keycloak $version distribution"
  bounded 900 mvn -B -ntp --strict-checksums "$MAVEN_DEPENDENCY_PLUGIN:copy" \
    -Dartifact="org.keycloak:keycloak-quarkus-dist:$version:tar.gz" -DoutputDirectory="$directory" >"$log" 2>&1 || {
    grep -m 1 ERROR "$log" >&2 || tail -n 5 "$log" >&2
    rm -rf "$directory"
    die "the Keycloak $version distribution could not be fetched"
  }
}

# build_keycloak VERSION [--current]
build_keycloak() {
  local version="$1" hash context
  hash="$(hash_of "keycloak $version java $JAVA_MAJOR $(base_hash)" images/keycloak/*)"
  [[ "${2:-}" != --current ]] || { is_current "ha-local/keycloak:$version" "$hash"; return; }
  ensure_base
  # A context of its own for each version: the engine is sent all of it. Hard links would not cross to another
  # file system, so Maven copies straight into it.
  context="$(cache_dir)/keycloak-$version"
  mkdir -p "$context"
  fetch_keycloak "$version" "$context"
  cp images/keycloak/* "$context/"
  build "ha-local/keycloak:$version" "$hash" "$context" "KEYCLOAK_VERSION=$version" "JAVA_MAJOR=$JAVA_MAJOR"
  rm -rf "$context"
}

# start_quickly VERSION : puts an image for tests on the one that `settled` names, and its name there. Costs nothing
# when it is there already: the engine knows the step.
start_quickly() {
  local name="ha-local/keycloak-for-tests:$1" output
  output="$(printf 'FROM %s\nENV JAVA_OPTS_APPEND=-XX:TieredStopAtLevel=1\n' "$settled" |
    bounded 60 docker build --force-rm --label "$INPUT_LABEL=for-tests" --tag "$name" - 2>&1)" || {
    tail -n 5 <<<"$output" >&2
    die "$name could not be made from $settled"
  }
  settled="$name"
}
