#!/bin/sh
# Runs as the entrypoint of a node's PostgreSQL container, before the image's own, on every start, whoever asked for
# it. It starts the server only on the database that this node belongs to: never on an empty disk, which the image
# would turn into a second cluster, and never on somebody else's data. And it starts it as a primary only when that
# cannot make a second one; else in recovery, where it answers its peers, serves reads and cannot fork. The decision
# table is in docs/guard.md.
set -eu
umask 077
# As process 1 the shell would ignore them, and a stop would have to wait.
trap 'exit 143' TERM INT
say() { echo "ha-cli guard: $*" >&2; }
refuse() {
    say "not started: $*"
    # The restart policy tries again at once; a moment between the tries keeps the log readable.
    sleep 2
    exit 78
}

[ -s /ha/identity ] || refuse "/ha/identity is missing: this node was never given a database (run: ha-cli up)"
want=$(cat /ha/identity)
[ ! -e /ha/rewinding ] ||
    refuse "a rewind or a copy of this data was interrupted, so it may be neither old nor new (run: ha-cli rebuild)"
[ -s "$PGDATA/PG_VERSION" ] ||
    refuse "the data directory is empty, but this node belongs to the cluster with system identifier $want; its disk was lost or replaced (run: ha-cli status)"
control=$(LC_ALL=C pg_controldata "$PGDATA")
have=$(echo "$control" | sed -n 's/^Database system identifier: *//p')
[ "$have" = "$want" ] ||
    refuse "the data has system identifier $have, this node belongs to the cluster with system identifier $want"

# Of a second container on these volumes, made after the first was renamed for one, the server would see nothing: it looks for others
# among the processes of its own container. The lock is the server's until all of it has ended.
exec 8>/ha/server.lock
flock -n 8 || refuse "another container's server runs on this data (docker ps --filter volume=… names it)"

# Files that came through Docker's API belong to root; libpq and the server want the server's user.
chown postgres /ha/config/passfile
chmod 0600 /ha/config/passfile
chmod 0755 /ha /ha/config

setting() { [ ! -f /ha/config/promotion.conf ] || sed -n "s/^$1 = '\(.*\)'\$/\1/p" /ha/config/promotion.conf; }

# Whoever starts the container for ha-cli has looked at every node right before, and says so for a moment.
permitted() {
    [ -s /ha/config/permit ] || return 1
    until=$(cat /ha/config/permit)
    rm -f /ha/config/permit
    case $until in '' | *[!0-9]*) return 1 ;; esac
    [ "$(date +%s)" -lt "$until" ]
}

# What the server behind a connection string says of itself: system identifier, timeline and position, whether it is in
# recovery, generation, promotion and the promotions before it. A replication connection needs no database and no more
# rights than a standby's.
ask() {
    timeout 5 psql -X -A -t -q -w -F '|' \
        "$1" \
        -c IDENTIFY_SYSTEM -c 'SHOW in_hot_standby' -c 'SHOW ha.generation' -c 'SHOW ha.promotion' \
        -c 'SHOW ha.ancestors' \
        </dev/null 2>/dev/null || true
}

# Whether the data of the peer that was asked has been through this node's last promotion. Two nodes that were promoted apart
# may be on one timeline, and PostgreSQL compares nothing but its number.
continues() {
    case " $promotion $ancestors " in
        *" $own "*) ;;
        *) return 1 ;;
    esac
}

follow_nobody() {
    echo '# Written by the guard: this node follows nobody until ha-cli has looked at its data.' >/ha/config/upstream.conf
    chmod 0644 /ha/config/upstream.conf
}

# A standby keeps its upstream where that has been through the last promotion that this node knows of. One that does not answer is
# trusted, but by a node that was promoted itself, and that nobody has seen follow another since: only the node itself is no peer
# of its own.
check_upstream() {
    primary=$(setting ha.primary)
    [ -n "$primary" ] && grep -qs '^primary_conninfo' /ha/config/upstream.conf || return 0
    tries=1
    grep -q "^$primary " /ha/config/peers || tries=20
    verdict=silent
    while read -r name conninfo; do
        [ "$(cat "/ha/config/upstream.d/$name.conf")" = "$(cat /ha/config/upstream.conf)" ] || continue
        generation=$(setting ha.generation)
        own_timeline=0
        left=$tries
        while judge "$name" "$conninfo" && [ "$verdict" = silent ] && [ "$left" -gt 1 ]; do
            left=$((left - 1))
            sleep 1
        done
        ! continues || return 0
    done </ha/config/peers
    [ "$tries" -gt 1 ] || [ "$verdict" != silent ] || return 0
    say "follows nobody: that the data of its upstream comes from this node's last promotion could not be seen (ha-cli rejoin, or ha-cli up, sets it right)"
    follow_nobody
}

# Sets `verdict`: `no` when that peer knows nothing that forbids this node to be the primary; else why, and whom to
# follow in `upstream`.
judge() {
    peer=$1 verdict='' upstream=''
    answer=$(ask "$2")
    system=$(echo "$answer" | sed -n '1s/|.*//p')
    timeline=$(echo "$answer" | sed -n '1s/^[^|]*|\([0-9]*\)|.*/\1/p')
    recovery=$(echo "$answer" | sed -n 2p)
    theirs=$(echo "$answer" | sed -n 3p)
    promotion=$(echo "$answer" | sed -n 4p)
    ancestors=$(echo "$answer" | sed -n 5p)
    own=$(setting ha.promotion)
    if [ -z "$timeline" ] || [ -z "$recovery" ] || [ "$system" != "$want" ]; then
        verdict=silent
    elif [ "$recovery" = off ] && [ "${theirs:-0}" -ge "$generation" ]; then
        if continues; then
            verdict="$peer is the primary" upstream=$peer
        else
            verdict="$peer is the primary, and its data does not come from this node's last promotion: it is not followed (to bring this node back: ha-cli rejoin)"
        fi
    elif [ "$recovery" = off ]; then
        verdict="$peer accepts writes as well, of the older generation ${theirs:-0}"
    elif [ "${theirs:-0}" -gt "$generation" ]; then
        verdict="$peer knows of generation $theirs, this node of $generation"
    elif [ "${theirs:-0}" = "$generation" ] && [ "$promotion" != "$own" ]; then
        verdict="$peer knows of another promotion in generation $generation"
    elif [ "$timeline" -gt "$own_timeline" ]; then
        verdict="$peer is on timeline $timeline, this node on $own_timeline: somebody was promoted meanwhile"
    else
        verdict=no
    fi
}

# Asks every peer, for some time those that are silent, since two hosts may boot together.
choose_role() {
    generation=$(setting ha.generation)
    generation=${generation:-0}
    # Until the first checkpoint after a promotion, only the second of these knows of it.
    own_timeline=$(echo "$control" | sed -n "s/^Latest checkpoint's TimeLineID: *//p
s/^Min recovery ending loc's timeline: *//p" | sort -n | tail -n 1)
    tries=0
    while :; do
        silent=''
        while read -r name conninfo; do
            judge "$name" "$conninfo"
            case $verdict in
                no) ;;
                silent) silent="$silent $name" ;;
                *) reason=$verdict && return ;;
            esac
        done </ha/config/peers
        if [ -z "$silent" ]; then
            reason=''
            return
        fi
        tries=$((tries + 1))
        if [ "$tries" -ge 20 ]; then
            reason="no answer from$silent, which may have been promoted (to go on without: ha-cli failover)" upstream=''
            return
        fi
        sleep 1
    done
}

if [ ! -e "$PGDATA/standby.signal" ] && [ -s /ha/config/peers ] && ! permitted; then
    choose_role
    if [ -n "$reason" ]; then
        say "started as a standby: $reason"
        if [ -n "$upstream" ] && [ -f "/ha/config/upstream.d/$upstream.conf" ]; then
            cp "/ha/config/upstream.d/$upstream.conf" /ha/config/upstream.conf
            chmod 0644 /ha/config/upstream.conf
        else
            follow_nobody
        fi
        gosu postgres touch "$PGDATA/standby.signal"
        sync
    fi
elif [ -e "$PGDATA/standby.signal" ] && [ -s /ha/config/peers ]; then
    check_upstream
fi
rm -f /ha/config/permit
exec docker-entrypoint.sh "$@"
