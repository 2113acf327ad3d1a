#!/bin/sh
# Logs in at another node's PostgreSQL as a standby does: reach.sh HOST PORT ROLE. The passfile comes on standard input.
set -eu
umask 077
pass=/dev/shm/ha-doctor-pass.$$
trap 'rm -f "$pass"' EXIT
cat >"$pass"
export LC_ALL=C PGPASSFILE="$pass" PGCONNECT_TIMEOUT=5 PGAPPNAME=ha-doctor
if said=$(timeout 8 psql -X -w -A -t -h "$1" -p "$2" -U "$3" \
    -d 'replication=true require_auth=scram-sha-256' -c IDENTIFY_SYSTEM 2>&1); then
    echo "reached=1"
else
    echo "failed=$(echo "${said:-no answer within 8 s}" | tr '\n\t' '  ')"
fi
