# Writes down, for good, which promotion this node goes through or follows, has the running server read it, and prints its id:
# record.sh GENERATION PRIMARY RUN_ALONE(on|off) ANCESTORS [PROMOTION]. Without PROMOTION, the id that is there stays when it is
# of that generation and primary, so that this may be repeated; else a new one is drawn. Whether the server has read it is seen from
# outside, by a probe that has a connection.
set -eu
umask 022
conf=/ha/config/promotion.conf
# One after the other: a run that was given up may still be at it, for moments. BusyBox's flock cannot wait for a time.
exec 9>/ha/config/promotion.lock
tries=0
until flock -n 9; do
    tries=$((tries + 1))
    [ "$tries" -lt 200 ] || { echo "another run has been writing to $conf for 10 s" >&2; exit 75; }
    sleep 0.05
done
setting() { [ ! -f "$conf" ] || sed -n "s/^$1 = '\(.*\)'\$/\1/p" "$conf"; }
id=${5:-}
if [ -z "$id" ] && [ "$(setting ha.generation)" = "$1" ] && [ "$(setting ha.primary)" = "$2" ]; then
    id=$(setting ha.promotion)
fi
[ -n "$id" ] || id=$(cat /proc/sys/kernel/random/uuid)
{
    echo '# Written by ha-cli.'
    echo "ha.generation = '$1'"
    echo "ha.promotion = '$id'"
    echo "ha.primary = '$2'"
    echo "ha.run_alone = '$3'"
    echo "ha.ancestors = '$4'"
    [ "$3" != on ] || echo "synchronous_standby_names = ''"
} >"$conf.new"
sync "$conf.new"
mv "$conf.new" "$conf"
sync "$(dirname "$conf")"
# The server is process 1.
kill -HUP 1
echo "$id"
