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
# In KiB, by the options that BusyBox has, too.
need=$(du -sk "$PGDATA" | cut -f 1)
room=$(df -Pk "$PGDATA" | awk 'NR == 2 { print $(NF - 2) }')
reflink=''
! cp --help 2>&1 | grep -q -e --reflink || reflink=--reflink=auto
if [ "$room" -gt $((need + need / 10 + 65536)) ]; then
    trap 'code=$?; [ $code -eq 0 ] || rm -rf "$new"; exit $code' EXIT
    trap 'exit 143' TERM INT
    # shellcheck disable=SC2086 # one option or none
    cp -a $reflink "$PGDATA" "$new"
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
