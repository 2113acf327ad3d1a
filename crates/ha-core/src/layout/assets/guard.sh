#!/bin/sh
# Runs as the entrypoint of a node's PostgreSQL container, before the image's own, on every start, whoever asked for
# it. It starts the server only on the database that this node belongs to: never on an empty disk, which the image
# would turn into a second cluster, and never on somebody else's data.
set -eu
umask 077
say() { echo "ha-cli guard: $*" >&2; }
refuse() {
    say "not started: $*"
    # The restart policy tries again at once; a moment between the tries keeps the log readable.
    sleep 2
    exit 78
}

[ -s /ha/identity ] || refuse "/ha/identity is missing: this node was never given a database (run: ha-cli up)"
want=$(cat /ha/identity)
[ -s "$PGDATA/PG_VERSION" ] ||
    refuse "the data directory is empty, but this node belongs to the cluster with system identifier $want; its disk was lost or replaced (run: ha-cli status)"
have=$(LC_ALL=C pg_controldata "$PGDATA" | sed -n 's/^Database system identifier: *//p')
[ "$have" = "$want" ] ||
    refuse "the data has system identifier $have, this node belongs to the cluster with system identifier $want"

# Files that came through Docker's API belong to root; libpq and the server want the server's user.
chown postgres /ha/config/passfile
chmod 0600 /ha/config/passfile
chmod 0755 /ha /ha/config
exec docker-entrypoint.sh "$@"
