#!/bin/sh
# Tells what is in a node's volumes, one fact a line, and changes nothing.
set -eu
parent=$(dirname "$PGDATA")
echo "image_version=$(postgres --version | sed 's/^[^0-9]*\([0-9.]*\).*/\1/')"
[ ! -s /ha/identity ] || echo "identity=$(cat /ha/identity)"
if [ -s "$PGDATA/PG_VERSION" ]; then
    echo "data=complete"
    echo "data_major=$(cat "$PGDATA/PG_VERSION")"
    pg_controldata "$PGDATA" | sed -n 's/^Database system identifier: */system_identifier=/p
s/^Database cluster state: */cluster_state=/p
s/^Latest checkpoint.s TimeLineID: */timeline=/p'
    [ ! -e "$PGDATA/standby.signal" ] || echo "standby_signal=yes"
    # Whose it is, where the node does not know: what was written into it once it was set up. Old versions of that row may be there.
    if [ ! -s /ha/identity ]; then
        set_up=$(grep -aohrE 'ha\.(set_up|made_with)=[0-9a-f]{64}' "$PGDATA/global" "$PGDATA/pg_wal" | sort -u | sed 's/.*=//' | tr '\n' ' ')
        echo "set_up=$set_up"
        # By a person's word.
        [ ! -s /ha/adopt ] || echo "adopt=$(cat /ha/adopt)"
    fi
elif [ -e "$PGDATA" ]; then
    echo "data=foreign"
    echo "found=$(ls -A "$PGDATA" | head -n 5 | tr '\n' ' ')"
else
    # In the image of PostgreSQL 18 the path of before leads to the new one, and a new volume gets what the image has at its place.
    link=''
    [ "$(readlink "$parent/data" || :)" != . ] || link=data
    rest=$(ls -A "$parent" | grep -v -x -e lost+found -e 'pgdata\.new' -e "$link" | head -n 5 | tr '\n' ' ')
    if [ -n "$rest" ]; then
        echo "data=foreign"
        echo "found=$rest"
    elif [ -e "$PGDATA.new" ]; then
        echo "data=partial"
    else
        echo "data=empty"
    fi
fi
