# Makes a standby's database: copy.sh CONNINFO SLOT SYSTEM_IDENTIFIER VERSION [REPLACE]. Made beside its place and renamed when
# complete. Data that is there is left alone, unless REPLACE says what becomes of it: `keep` puts it aside once the copy is
# whole, `discard` destroys it first, for want of room.
# Progress goes to standard error, as pg_basebackup prints it. Prints the system identifier as its last line.
set -eu
umask 077
conninfo=$1 slot=$2 want=$3 version=$4 replace=${5:-}
mkdir -p "$(dirname "$PGDATA")"
chown postgres "$(dirname "$PGDATA")"
chown postgres /ha/config/passfile
chmod 0755 /ha /ha/config

# The same minor version, too: a standby older than its primary can meet WAL that it does not know, and replacing one
# image by another is a step of its own.
lacks=$(lacking)
if [ -n "$lacks" ]; then
    echo "this image lacks$lacks, which ha-cli needs: use the official one, or add them to yours" >&2
    exit 66
fi

have=$(postgres --version | sed 's/^[^0-9]*\([0-9.]*\).*/\1/')
if [ "$have" != "$version" ]; then
    echo "this image brings PostgreSQL $have, the primary runs $version: use the same image on both nodes" >&2
    exit 66
fi

if [ -e /ha/swap ]; then
    # An interrupted run had a whole copy.
    swap
elif [ -n "$replace" ] || [ ! -s "$PGDATA/PG_VERSION" ]; then
    if [ "$replace" = discard ]; then
        # From here on there is nothing to start.
        : >/ha/rewinding
        rm -rf "$old" "$PGDATA"
    fi
    # What an interrupted run left is of no use, and its room is needed; so is that of one that fails now.
    trap 'code=$?; [ $code -eq 0 ] || rm -rf "$new"; exit $code' EXIT
    trap 'exit 143' TERM INT
    rm -rf "$new"
    gosu postgres pg_basebackup --pgdata="$new" --dbname="$conninfo" --slot="$slot" --wal-method=stream \
        --checkpoint=fast --progress --no-password --label=ha-cli
    id=$(pg_controldata "$new" | sed -n 's/^Database system identifier: *//p')
    if [ "$id" != "$want" ]; then
        echo "the server that was copied has system identifier $id, expected was $want" >&2
        exit 65
    fi
    gosu postgres touch "$new/standby.signal"
    # Pinned before it is in its place: a database that is in its place and not pinned is not ours.
    echo "$id" >/ha/identity.new
    mv /ha/identity.new /ha/identity
    trap - EXIT
    : >/ha/swap
    sync
    swap
fi
id=$(pg_controldata "$PGDATA" | sed -n 's/^Database system identifier: *//p')
echo "system_identifier=$id"
