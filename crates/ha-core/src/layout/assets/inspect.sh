#!/bin/sh
# Looks at the data of a server that was stopped, beside the primary that it is to follow: inspect.sh CONNINFO TIMELINE DATABASE
# PROMOTIONS ROLE: how to reach the primary, its timeline, Keycloak's database, the ids of all promotions that the primary's data
# has been through, and Keycloak's role. Prints facts, one a line. It starts the server cut off from everybody, in
# recovery, so that it replays what it has and adds nothing: afterwards it comes back as a standby only, and has ended in
# an orderly way, which a rewind needs.
set -eu
umask 077
conninfo=$1 timeline=$2 database=$3 promotions=$4 role=$5
export LC_ALL=C

[ ! -e /ha/rewinding ] || { echo "rewind=a rewind of this data was interrupted" && echo "broken=yes" && exit 0; }
[ -s "$PGDATA/PG_VERSION" ] || { echo "rewind=there is no database" && echo "broken=yes" && exit 0; }
control() { pg_controldata "$PGDATA" | sed -n "s/^$1: *//p"; }
echo "system_identifier=$(control 'Database system identifier')"
[ -e "$PGDATA/standby.signal" ] || gosu postgres touch "$PGDATA/standby.signal"
chown postgres /ha/config/passfile

# The primary's history: which timeline it left where. A primary on its first timeline has none.
history() { psql -X -A -t -q -w "$conninfo dbname=replication replication=true" -c "TIMELINE_HISTORY $timeline" </dev/null; }
if [ "$timeline" -gt 1 ]; then
    history | sed 's/^.*|//' | grep -E '^[0-9]+[[:space:]]' >/tmp/history
else
    : >/tmp/history
fi

# The superuser looks at nothing that somebody else has made: in its own database only.
sql() { PGOPTIONS='-c search_path=pg_catalog' gosu postgres psql -X -A -t -q -h /tmp -d postgres -v ON_ERROR_STOP=1; }
# Keycloak's role looks at what is Keycloak's: a table may have become a view by now, whose functions run with the rights of whoever
# reads it. They may also lift the session's own limits, so that there is one outside of it.
as_owner() {
    PGOPTIONS='-c role=none -c search_path=pg_catalog -c local_preload_libraries= -c statement_timeout=5min
        -c idle_in_transaction_session_timeout=0 -c idle_session_timeout=0 -c standard_conforming_strings=on' \
        timeout 600 gosu postgres psql -X -A -t -q -w -h /tmp -U "$role" -d "$database" -v ON_ERROR_STOP=1
}
printf 'local postgres postgres peer\nlocal "%s" "%s" trust\n' "$database" "$role" >/tmp/pg_hba.conf
chown postgres /tmp/pg_hba.conf
# How long it takes to replay is looked at below.
gosu postgres pg_ctl -D "$PGDATA" -w -t 2 -l /tmp/isolated.log -o "-c config_file=/ha/config/postgresql.conf \
    -c hba_file=/tmp/pg_hba.conf -c listen_addresses= -c unix_socket_directories=/tmp -c primary_conninfo= -c recovery_target_timeline=current \
    -c synchronous_standby_names= -c logging_collector=off -c wal_retrieve_retry_interval=200ms" start >/dev/null 2>&1 || true
# Data that was rewound and never started since needs WAL that only the primary has before it is whole: it asks for that
# for ever.
starves() {
    [ "$(grep -c 'waiting for WAL to become available' /tmp/isolated.log)" -ge 3 ] &&
        ! grep -q 'consistent recovery state reached' /tmp/isolated.log
}
whole=yes
until echo 'SELECT' | sql >/dev/null 2>&1; do
    if ! gosu postgres pg_ctl -D "$PGDATA" status >/dev/null; then
        cat /tmp/isolated.log >&2
        exit 1
    fi
    if starves; then
        whole=no
        break
    fi
    sleep 0.1
done
# It takes queries once it is consistent, and may have a little more to replay.
end='' seen=0 tries=0
[ "$whole" = yes ] || end=$(control 'Minimum recovery ending location') seen=3
while [ "$seen" -lt 3 ] && [ "$tries" -lt 600 ]; do
    now=$(echo 'SELECT pg_last_wal_replay_lsn()' | sql)
    if [ "$now" = "$end" ]; then seen=$((seen + 1)); else seen=0 end=$now; fi
    tries=$((tries + 1))
    sleep 0.1
done
# Until the first checkpoint after a promotion, only the second of these knows of it.
own=$({
    control "Latest checkpoint's TimeLineID"
    control "Min recovery ending loc's timeline"
} | sort -n | tail -n 1)
echo "end=$end"
echo "timeline=$own"

# Both ways from the first timeline to the present one, a line for each timeline: its number and where it was left.
chain() { awk '/^[0-9]/ { print $1, $2 }' "$1" && echo "$2 -"; }
own_history=$(printf '%s/pg_wal/%08X.history' "$PGDATA" "$own")
[ -f "$own_history" ] || own_history=/dev/null
chain "$own_history" "$own" >/tmp/ours
chain /tmp/history "$timeline" >/tmp/theirs
fork='' same=yes left=''
exec 3</tmp/ours 4</tmp/theirs
while :; do
    read -r our our_end <&3 || our=''
    read -r their their_end <&4 || their=''
    [ -n "$our$their" ] || break
    if [ "$our" != "$their" ]; then
        same=no fork=$left
        break
    fi
    if [ "$our_end" != "$their_end" ]; then
        same=no
        if [ "$our_end" = - ]; then
            fork=$their_end
        elif [ "$their_end" = - ]; then
            fork=$our_end
        else
            fork=$(echo "SELECT least('$our_end'::pg_lsn, '$their_end'::pg_lsn)" | sql)
        fi
        break
    fi
    left=$our_end
done
exec 3<&- 4<&-
# Two that were promoted apart from each other may be on timelines of one number, left at one position even. Each of the promotions
# that only this data has been through led to a timeline of its own, and the first of these is where the histories part.
if [ "$whole" = yes ]; then
    # GENERATION ID PRIMARY TIMELINE and the ids before, the last first. Of the database postgres alone, which is
    # nobody's but the superuser's.
    lineage=$(echo "SELECT substr(setting, 12) FROM (SELECT unnest(setconfig) AS setting FROM pg_db_role_setting
        WHERE setrole = 0 AND setdatabase = (SELECT oid FROM pg_database WHERE datname = 'postgres')) AS noted
        WHERE setting LIKE 'ha.lineage=%'" | sql)
    apart=0
    for id in $(echo "$lineage" | awk '{ $1 = ""; $3 = ""; $4 = ""; print }'); do
        case " $promotions " in *" $id "*) break ;; esac
        apart=$((apart + 1))
    done
    if [ "$apart" -gt 0 ]; then
        same=no
        before=$(($(echo "$lineage" | awk '{ print $4 }') - apart))
        before=$(awk -v timeline="$before" '$1 == timeline { print $2 }' /tmp/ours)
        if [ -n "$before" ] && [ "$before" != - ]; then
            fork=$(echo "SELECT least('$before'::pg_lsn, nullif('$fork', '')::pg_lsn)" | sql)
        fi
    fi
fi
[ -z "$fork" ] || echo "fork=$fork"
# Where both are on one timeline, they must have come there by one promotion.
[ "$own" != "$timeline" ] || echo "same_history=$same"

# What only this branch holds: the rows that its transactions after the fork wrote.
if [ "$whole" = yes ] && [ -n "$fork" ] && [ "$(echo "SELECT '$end'::pg_lsn > '$fork'::pg_lsn" | sql)" = t ]; then
    echo "diverged=yes"
    if {
        echo "\\set fork '$fork'"
        echo "\\set end '$end'"
        cat <<'SQL'
SELECT place.nspname AS place FROM pg_extension AS extension JOIN pg_namespace AS place ON place.oid = extension.extnamespace
WHERE extension.extname = 'pg_walinspect' \gset
SELECT coalesce(array_agg(DISTINCT xid::text), '{}') AS xids, count(DISTINCT xid::text) AS transactions
FROM :"place".pg_get_wal_records_info(:'fork', :'end') WHERE resource_manager = 'Transaction' AND record_type LIKE 'COMMIT%' \gset
SELECT 'transactions=' || :'transactions';
SELECT EXISTS (SELECT FROM pg_class WHERE relname = 'user_entity' AND relnamespace = 'public'::regnamespace) AS keycloak \gset
\if :keycloak
    SELECT 'realm.' || row_number() OVER (ORDER BY name) || '=' || name FROM public.realm WHERE xmin::text = ANY (:'xids'::text[]);
    WITH touched AS (
        SELECT id FROM public.user_entity WHERE xmin::text = ANY (:'xids'::text[])
        UNION SELECT user_id FROM public.credential WHERE xmin::text = ANY (:'xids'::text[])
        UNION SELECT user_id FROM public.user_attribute WHERE xmin::text = ANY (:'xids'::text[])
        UNION SELECT user_id FROM public.user_role_mapping WHERE xmin::text = ANY (:'xids'::text[])
    )
    SELECT 'user.' || row_number() OVER (ORDER BY realm.name, username) || '=' || realm.name || '/' || username
    FROM touched JOIN public.user_entity USING (id) JOIN public.realm ON realm.id = realm_id;
\endif
SELECT format('SELECT %L || count(*) FROM %s WHERE xmin::text = ANY (%L::text[]) HAVING count(*) > 0',
              'table.' || relname || '=', oid::regclass, :'xids')
FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND has_table_privilege(oid, 'SELECT') ORDER BY relname
\gexec
SQL
    } | as_owner >/tmp/contents; then
        # Nothing that was read there passes for one of the other facts.
        grep -E '^(transactions=|realm\.|user\.|table\.)' /tmp/contents || true
    else
        echo "contents=unknown"
    fi
fi
gosu postgres pg_ctl -D "$PGDATA" -w -t 300 -m fast stop >/dev/null

if [ -n "$fork" ] || [ "$own" != "$timeline" ]; then
    if said=$(gosu postgres pg_rewind --dry-run --target-pgdata="$PGDATA" --source-server="$conninfo dbname=postgres" 2>&1); then
        echo "rewind=possible"
    else
        echo "rewind=$(echo "$said" | grep -E 'error|fatal' | tail -n 1 | sed 's/^pg_rewind: *//')"
    fi
fi
