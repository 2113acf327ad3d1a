#!/bin/sh
# Gives a node the database that is in its data volume, after its state volume was removed: adopt.sh SYSTEM_IDENTIFIER. It has been
# found to be this cluster's, and is looked at once more. Repeated, it does nothing.
set -eu
umask 077
want=$1
[ -s "$PGDATA/PG_VERSION" ] || {
    echo "there is no database in its data volume (ha-cli up makes it a copy of the primary's)" >&2
    exit 65
}
have=$(LC_ALL=C pg_controldata "$PGDATA" | sed -n 's/^Database system identifier: *//p')
[ "$have" = "$want" ] || {
    echo "the database in its data volume has system identifier $have, this cluster's has $want" >&2
    exit 65
}
if [ -s /ha/identity ]; then
    [ "$(cat /ha/identity)" = "$want" ] || {
        echo "this node was given the database with system identifier $(cat /ha/identity), this cluster's has $want" >&2
        exit 65
    }
    exit 0
fi
mkdir -p /ha/config
chmod 0755 /ha /ha/config
echo "$want" >/ha/identity.new
sync
mv /ha/identity.new /ha/identity
rm -f /ha/adopt
sync
