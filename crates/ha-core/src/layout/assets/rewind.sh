# Takes a server's data back to where it left the primary's history, and puts it on that history: rewind.sh CONNINFO. Done
# on a copy that takes the data's place when it is whole, where there is room for both; the old data then stays aside.
set -eu
umask 077
conninfo=$1
chown postgres /ha/config/passfile

# What an interrupted run had come to: the copy was whole, and is put in its place.
if [ -e /ha/swap ]; then
    swap
    echo "kept=yes"
    exit 0
fi

rm -rf "$new"
need=$(du -s -B1 "$PGDATA" | cut -f 1)
room=$(df -B1 --output=avail "$PGDATA" | tail -n 1)
if [ "$room" -gt $((need + need / 10 + 67108864)) ]; then
    trap 'code=$?; [ $code -eq 0 ] || rm -rf "$new"; exit $code' EXIT
    trap 'exit 143' TERM INT
    cp -a --reflink=auto "$PGDATA" "$new"
    target=$new
else
    # No start on it until it is whole again.
    : >/ha/rewinding
    sync
    target=$PGDATA
fi
gosu postgres pg_rewind --target-pgdata="$target" --source-server="$conninfo dbname=postgres" --progress
# The source has none, so it is gone from here, too.
[ -e "$target/standby.signal" ] || gosu postgres touch "$target/standby.signal"
sync
if [ "$target" = "$new" ]; then
    trap - EXIT
    : >/ha/swap
    sync
    swap
    echo "kept=yes"
else
    rm -f /ha/rewinding
    sync
    echo "kept=no"
fi
