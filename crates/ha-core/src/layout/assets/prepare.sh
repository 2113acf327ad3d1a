#!/bin/sh
# Runs once, in the build of the prepared image: builds Keycloak with the options of ha-build.conf, and tries a start for the
# sake of the classes that it loads: prepare.sh SECONDS CLASS-ARCHIVE
set -eu
cd /opt/keycloak

# A build begins anew, and remembers nothing of an earlier one: what the image was built with is said once more. Its own
# configuration file and environment count as well, unless ha-build.conf, the last in the file, says otherwise.
bin/kc.sh show-config all >ha-built.txt
{
    [ ! -f conf/keycloak.conf ] || cat conf/keycloak.conf
    echo
    sed -n -e '/kc\.\(optimized\|version\|provider\)/d' -e 's/\\/\\\\/g' -e 's/\$/\\\\$/g' \
        -e 's/^[[:space:]]*kc\.\([^ ]*\) =  *\(.*\) (Persisted[^()]*)$/\1=\2/p' ha-built.txt
    cat conf/ha-build.conf
} >ha-all.conf
mv ha-all.conf conf/keycloak.conf
bin/kc.sh build
# Each container brings its own.
: >conf/keycloak.conf

# A start that comes as far as its database, finds that nobody listens there, and ends. Whatever else becomes of it, the image is
# as good as without the archive: a JVM that finds none, or one that it cannot use, starts all the same. What the second
# compiler would make of the code is thrown away with the process.
JAVA_OPTS_APPEND="${JAVA_OPTS_APPEND:-} -XX:TieredStopAtLevel=1 -XX:ArchiveClassesAtExit=$2" timeout "$1" bin/kc.sh start \
    --optimized --db-url=jdbc:postgresql://127.0.0.1:1/none --db-username=none --db-password=none --http-enabled=true \
    --hostname-strict=false --cache=local >/dev/null 2>&1 || true
rm -rf data/transaction-logs ha-built.txt

# What was made here is root's; Keycloak's user gets what it writes to, also in an image that was built by another one.
[ ! -e data ] || chown -R 1000:0 data
chown 1000:0 conf/keycloak.conf lib/quarkus/*
[ ! -e "$2" ] || chmod 0644 "$2"
