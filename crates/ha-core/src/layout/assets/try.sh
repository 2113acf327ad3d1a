#!/bin/sh
# Tries settings before a server is stopped for them: starts another one with them, on an empty database in this container's own
# files, where nobody reaches it, and ends it: try.sh SECONDS CONFIGURATION. What it complains of is PostgreSQL's word.
set -eu
umask 077
work=/tmp/ha-try
mkdir "$work"
chown postgres "$work"
cd "$work"
gosu postgres initdb --pgdata=data --username=postgres --auth-local=peer --auth-host=reject --no-sync >/dev/null
options="-c config_file=$2 -c listen_addresses='' -c unix_socket_directories=$work"
if ! gosu postgres pg_ctl start -s -w -t "$1" -D "$work/data" -l "$work/log" -o "$options" >/dev/null 2>&1 </dev/null; then
    # Without the prefix of each line, whatever it is set to.
    sed -n 's/^.*\(\(LOG\|HINT\|DETAIL\|ERROR\|FATAL\|PANIC\): .*\)$/\1/p' log | tail -n 10 >&2
    exit 64
fi
# With some a server starts, and no session does.
if ! said=$(gosu postgres psql -X -A -t -q -h "$work" -d postgres -c 'SELECT 1' 2>&1 >/dev/null </dev/null); then
    echo "$said" >&2
    exit 64
fi
gosu postgres pg_ctl stop -s -m immediate -D "$work/data" >/dev/null 2>&1 || true
