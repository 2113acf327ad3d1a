#!/usr/bin/env bash
# The Keycloak standby extension: builds, tests and checks the committed jar.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=scripts/lib/common.sh
source scripts/lib/common.sh

SOURCE=crates/ha-keycloak/extension
JAR="$SOURCE/target/ha-standby.jar"
ASSET=crates/ha-keycloak/assets/ha-standby.jar
# The compiler's version shows in the bytes, so that `check` needs exactly this one.
JDK=17

usage() {
  cat <<TEXT
usage: scripts/extension.sh build|test|test-postgres|check

  build   compile, test, and put the jar where ha-cli embeds it ($ASSET)
  test    run the unit tests
  test-postgres  run the driver's tests on a real primary and standby, in containers (HA_POSTGRES_IMAGE)
  check   compile and compare with the committed jar, byte for byte

Installs a JDK $JDK and Maven on a Debian machine where you are root.
TEXT
}

# A JDK of the pinned version: the one JAVA_HOME names, or one that Debian installs.
use_jdk() {
  local home
  for home in "${JAVA_HOME:-}" /usr/lib/jvm/java-"$JDK"-openjdk-*; do
    [[ -x "$home/bin/javac" ]] && "$home/bin/javac" -version 2>&1 | grep -q "^javac $JDK[. ]" || continue
    export JAVA_HOME="$home"
    return 0
  done
  return 1
}

prepare() {
  have mvn || apt_install maven
  use_jdk || { apt_install "openjdk-$JDK-jdk-headless" && use_jdk; } \
    || die "no JDK $JDK: set JAVA_HOME to one" "$EXIT_UNAVAILABLE"
}

# Maven's own chatter stays out; errors, warnings and the tests' closing lines are shown.
maven() {
  bounded 600 mvn -B -ntp -f "$SOURCE/pom.xml" "$@" 2>&1 \
    | sed -En '/^\[(ERROR|WARNING)\]/p; /Tests run:/p; /FAIL/p'
}

build() {
  maven clean package "$@"
  [[ -f "$JAR" ]] || die "Maven made no $JAR"
}

case "${1:-}" in
  build)
    prepare
    build
    mkdir -p "$(dirname "$ASSET")"
    cp "$JAR" "$ASSET"
    say "$ASSET: $(sha256sum <"$ASSET" | cut -c1-16), $(stat -c %s "$ASSET") bytes"
    ;;
  test)
    prepare
    maven test
    ;;
  test-postgres)
    prepare
    maven test -Dtests.only=postgres -Dtests.without=
    ;;
  check)
    prepare
    build -DskipTests
    cmp "$JAR" "$ASSET" || die "$ASSET is not what the sources give: run scripts/extension.sh build"
    say "$ASSET is what the sources give"
    ;;
  -h | --help) usage ;;
  *)
    usage >&2
    exit 2
    ;;
esac
