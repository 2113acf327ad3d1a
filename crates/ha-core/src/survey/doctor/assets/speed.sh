#!/bin/sh
# Times another node's PostgreSQL: speed.sh HOST PORT ROLE DATABASE. The passfile comes on standard input.
set -eu
umask 077
pass=/dev/shm/ha-doctor-pass.$$
trap 'rm -f "$pass"' EXIT
cat >"$pass"
export LC_ALL=C PGPASSFILE="$pass" PGCONNECT_TIMEOUT=5 PGAPPNAME=ha-doctor PGDATABASE="$4"
ask() {
    timeout "$1" psql -X -q -w -A -t -v ON_ERROR_STOP=1 -h "$host" -p "$port" -U "$role" -d 'require_auth=scram-sha-256' 2>&1
}
host=$1 port=$2 role=$3

# Not by echo, which gives backslashes a meaning in some shells. The first query also fills the server's caches.
i=0
queries='\timing on'
while [ $i -lt 20 ]; do
    queries="$queries
SELECT 1;"
    i=$((i + 1))
done
said=$(printf '%s\n' "$queries" | ask 8) || { echo "failed=$(echo "${said:-no answer within 8 s}" | tr '\n\t' '  ')"; exit 0; }
echo "$said" | sed -n 's/^Time: \([0-9.]*\) ms.*/\1/p' | sort -n | head -n 1 | sed 's/^/round_trip_ms=/'

# As much as shows the speed, no more: every round is begun only when the one before it was quick. A single row of a
# mebibyte costs the server next to nothing.
for mib in 1 16 128; do
    said=$(printf '\\o /dev/null\n\\timing on\n%s\n' \
        "COPY (SELECT repeat('x', 1048576) FROM generate_series(1, $mib)) TO STDOUT;" | ask 12) || {
        echo "failed_copy=$(echo "${said:-$mib MiB did not arrive within 12 s}" | tr '\n\t' '  ')"
        exit 0
    }
    ms=$(echo "$said" | sed -n 's/^Time: \([0-9]*\)[.0-9]* ms.*/\1/p')
    echo "copied_ms=$((mib * 1048576)) ${ms:-0}"
    [ "${ms:-1000}" -lt 600 ] || exit 0
done
