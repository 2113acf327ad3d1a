#!/bin/sh
# Makes the database of a new cluster: init.sh NODE. Made beside its place and renamed when complete, so that a data directory that
# exists is a whole one, and pinned before that, so that one which exists and is not pinned is not ours. Prints the
# system identifier as its last line.
set -eu
umask 077
new="$PGDATA.new"
mkdir -p "$(dirname "$PGDATA")"
chown postgres "$(dirname "$PGDATA")"

lacks=$(lacking)
if [ -n "$lacks" ]; then
    echo "this image lacks$lacks, which ha-cli needs: use the official one, or add them to yours" >&2
    exit 66
fi

case $(postgres --version) in
    *" "1[0-5].* | *" "[0-9].*)
        echo "this image brings $(postgres --version), and PostgreSQL 16 is the oldest that can ask a server for proof (require_auth)" >&2
        exit 66
        ;;
esac

if [ ! -s "$PGDATA/PG_VERSION" ]; then
    if [ -s /ha/identity ] && [ ! -e "$new" ]; then
        echo "this node was given the database with system identifier $(cat /ha/identity), and it is gone; none is made in its place (to begin anew: ha-cli down --volumes)" >&2
        exit 65
    fi
    # What an interrupted run left; in this order, so that it is never taken for a database that was lost.
    rm -f /ha/identity
    rm -rf "$new"
    # The builtin provider's C.UTF-8 does not depend on the operating system: no index breaks when an image brings
    # another C library. PostgreSQL 17 has it; before, the C library's C.UTF-8 compares by code point, too.
    case $(postgres --version) in
        *" "1[0-6].*) locale="--locale=C.UTF-8" ;;
        *) locale="--locale-provider=builtin --locale=C.UTF-8" ;;
    esac
    # shellcheck disable=SC2086  # two words
    gosu postgres initdb --pgdata="$new" --username=postgres --auth-local=peer --auth-host=reject --encoding=UTF8 \
        --data-checksums $locale >&2
    id=$(pg_controldata "$new" | sed -n 's/^Database system identifier: *//p')
    # The first promotion, so to speak: from here on, whoever is promoted counts on.
    mkdir -p /ha/config
    {
        echo '# Written by ha-cli.'
        echo "ha.generation = '1'"
        echo "ha.promotion = '$(cat /proc/sys/kernel/random/uuid)'"
        echo "ha.primary = '$1'"
        echo "ha.run_alone = 'off'"
        echo "ha.ancestors = ''"
    } >/ha/config/promotion.conf
    chmod 0755 /ha/config
    chmod 0644 /ha/config/promotion.conf
    echo "$id" >/ha/identity.new
    mv /ha/identity.new /ha/identity
    sync
    mv "$new" "$PGDATA"
    sync
fi
id=$(pg_controldata "$PGDATA" | sed -n 's/^Database system identifier: *//p')
echo "system_identifier=$id"
