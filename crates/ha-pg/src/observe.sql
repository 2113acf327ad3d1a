-- One JSON object: what a probe sees of a PostgreSQL 15 or newer, primary or standby. Its keys are the fields of
-- ha_core::observe::PostgresObservation. pg_monitor is all that the role needs.
--
-- Everything comes from one statement, so that its parts belong together. The role is asked once: a promotion may
-- happen at any moment, and a function that belongs to the other role fails.
WITH server AS MATERIALIZED (
    SELECT pg_is_in_recovery() AS standby
), senders AS MATERIALIZED (
    SELECT coalesce(json_agg(json_build_object(
               'name', sender.application_name,
               'state', sender.state,
               'sync_state', sender.sync_state,
               'flush_lsn', sender.flush_lsn,
               'replay_lsn', sender.replay_lsn,
               'replay_lag_seconds', extract(epoch FROM sender.replay_lag)::float8
           ) ORDER BY sender.application_name, sender.pid), '[]') AS list
    FROM pg_stat_replication AS sender
    -- A base backup has two: one sends files, the other, of the same name, the WAL meanwhile.
    WHERE sender.state <> 'backup'
      AND sender.application_name <> 'pg_basebackup'
      -- The guard of a node that boots asks over a replication connection.
      AND sender.application_name <> 'ha-cli guard'
      AND NOT EXISTS (
          SELECT FROM pg_replication_slots AS slot WHERE slot.active_pid = sender.pid AND slot.slot_type = 'logical'
      )
), positions AS MATERIALIZED (
    -- Read after the senders, so that no standby in order is ahead of it.
    SELECT CASE WHEN NOT standby THEN pg_current_wal_lsn() END AS write_lsn,
           CASE WHEN standby THEN pg_last_wal_receive_lsn() END AS receive_lsn,
           CASE WHEN standby THEN pg_last_wal_replay_lsn() END AS replay_lsn
    FROM server, senders
), receiver AS MATERIALIZED (
    -- The view has one row with NULLs for a moment while the receiver starts.
    SELECT * FROM pg_stat_wal_receiver WHERE status IS NOT NULL
), conninfo AS MATERIALIZED (
    -- Quicker than pg_settings, which makes a row of every setting first.
    SELECT nullif(current_setting('primary_conninfo'), '') AS text
    WHERE pg_has_role('pg_read_all_settings', 'USAGE')
), upstream AS MATERIALIZED (
    -- All pairs are read from left to right, so that what only looks like a host inside a quoted password is no host.
    SELECT coalesce(
               max(word.value) FILTER (WHERE word.key = 'host'),
               max(word.value) FILTER (WHERE word.key = 'hostaddr')
           ) AS host,
           coalesce(max(word.value) FILTER (WHERE word.key = 'port'), '5432') AS port
    FROM conninfo,
         LATERAL regexp_matches(conninfo.text, '(\w+)\s*=\s*(''(?:[^''\\]|\\.)*''|(?:[^\s\\]|\\.)*)', 'g') AS pair,
         LATERAL (
             SELECT pair[1] AS key,
                    regexp_replace(regexp_replace(pair[2], '^''(.*)''$', '\1'), '\\(.)', '\1', 'g') AS value
         ) AS word
    WHERE conninfo.text !~ '^postgres(ql)?://'
), slots AS MATERIALIZED (
    SELECT coalesce(json_agg(json_build_object(
               'name', slot.slot_name,
               'active', slot.active,
               'wal_status', slot.wal_status,
               'restart_lsn', slot.restart_lsn,
               -- greatest() passes over NULL, which here means unknown and not 0.
               'retained_bytes', CASE WHEN slot.restart_lsn IS NOT NULL THEN greatest(0,
                   pg_wal_lsn_diff(coalesce(write_lsn, greatest(receive_lsn, replay_lsn)), slot.restart_lsn)
               )::bigint END,
               'safe_wal_bytes', CASE WHEN slot.safe_wal_size IS NOT NULL THEN greatest(slot.safe_wal_size, 0) END
           ) ORDER BY slot.slot_name), '[]') AS list
    FROM pg_replication_slots AS slot, positions
    WHERE slot.slot_type = 'physical'
), oldest AS MATERIALIZED (
    -- The number of a segment, whose size is a power of two, and so its position, from its name.
    SELECT min(('x' || substr(name, 9, 8))::bit(32)::bigint * (4294967296 / segment.bytes)
               + ('x' || substr(name, 17, 8))::bit(32)::bigint) * max(segment.bytes) AS byte
    FROM pg_ls_waldir(), (SELECT pg_size_bytes(current_setting('wal_segment_size')) AS bytes) AS segment
    WHERE name ~ '^[0-9A-F]{24}$'
), noted AS MATERIALIZED (
    -- What ha-cli has written into the data itself: settings of the database postgres, NAME=VALUE, in a shared catalog.
    SELECT split_part(setting, '=', 1) AS name, split_part(setting, '=', 2) AS value
    FROM pg_db_role_setting AS set
    JOIN pg_database AS database ON database.oid = set.setdatabase AND database.datname = 'postgres'
    -- After the join: of another database they may be as many as its owner likes.
    CROSS JOIN unnest(CASE WHEN database.oid IS NOT NULL THEN set.setconfig END) AS setting
    WHERE set.setrole = 0 AND setting LIKE 'ha.%=_%'
), lineage AS MATERIALIZED (
    -- GENERATION ID PRIMARY TIMELINE and the ids of the promotions before. What does not look like that nobody wrote who knows
    -- of promotions: as good as absent.
    SELECT string_to_array(value, ' ') AS word
    FROM noted
    WHERE name = 'ha.lineage'
      AND value ~ '^[0-9]{1,18} [0-9A-Fa-f-]{36} [a-z]([a-z0-9-]{0,38}[a-z0-9])? [0-9]{1,9}( [0-9A-Fa-f-]{36})*$'
), keycloak AS MATERIALIZED (
    -- Keycloak's database is the only one that is not PostgreSQL's own.
    SELECT oid, datname, datdba, datallowconn, datconnlimit
    FROM pg_database WHERE datname NOT IN ('postgres', 'template0', 'template1')
), given AS MATERIALIZED (
    -- What was given to its sessions, the nearest first: a role in a database, a role, a database, everybody.
    SELECT DISTINCT ON (name) lower(split_part(setting, '=', 1)) AS name,
           substr(setting, strpos(setting, '=') + 1, 1000) AS value,
           CASE
               WHEN set.setrole <> 0 AND set.setdatabase <> 0
                   THEN format('ALTER ROLE %I IN DATABASE %I', pg_get_userbyid(set.setrole), keycloak.datname)
               WHEN set.setrole <> 0 THEN format('ALTER ROLE %I', pg_get_userbyid(set.setrole))
               WHEN set.setdatabase <> 0 THEN format('ALTER DATABASE %I', keycloak.datname)
               ELSE 'ALTER ROLE ALL'
           END AS source
    FROM keycloak
    JOIN pg_db_role_setting AS set
        ON set.setdatabase IN (0, keycloak.oid) AND set.setrole IN (0, keycloak.datdba)
    -- Its owner may have given a gigabyte, which packed takes little. What is not read counts as given to all settings.
    CROSS JOIN unnest(CASE
        WHEN pg_column_size(set.setconfig) <= 8192 THEN set.setconfig
        ELSE ARRAY[format('all=%s bytes of settings, more than are read', pg_column_size(set.setconfig))]
    END) AS setting
    ORDER BY name, set.setrole = 0, set.setdatabase = 0
), own AS MATERIALIZED (
    -- The view makes a row of every setting, each time that it is read.
    SELECT name, source, sourcefile LIKE '%/postgresql.auto.conf' AS altered, pending_restart FROM pg_settings
), overridden AS MATERIALIZED (
    -- What somebody gave beside the files of the configuration, as it is in force for Keycloak's sessions. What a server's upstream is
    -- stands elsewhere, and may hold a password.
    SELECT coalesce(json_agg(json_build_object('name', name, 'value', value, 'source', source) ORDER BY name), '[]') AS list
    FROM (
        -- Names that nobody knows may be as many as somebody likes.
        (
            SELECT given.name, given.value, given.source FROM given LEFT JOIN own ON lower(own.name) = given.name
            ORDER BY own.name IS NULL AND given.name <> 'all', given.name
            LIMIT 500
        )
        UNION ALL
        SELECT lower(name), current_setting(name), 'ALTER SYSTEM' FROM own
        WHERE altered AND lower(name) NOT IN (SELECT name FROM given)
    ) AS setting
    WHERE name <> 'primary_conninfo'
), durable AS MATERIALIZED (
    SELECT json_agg(json_build_object(
               'name', wanted.name,
               'value', coalesce(given.value, current_setting(wanted.name, true), ''),
               'source', coalesce(
                   given.source,
                   CASE WHEN own.altered THEN 'ALTER SYSTEM' ELSE own.source END
               )
           ) ORDER BY wanted.name) AS list
    FROM (VALUES ('synchronous_commit'), ('fsync'), ('full_page_writes'), ('ha.durability')) AS wanted(name)
    LEFT JOIN given ON given.name = wanted.name
    LEFT JOIN own ON own.name = wanted.name
), logins AS MATERIALIZED (
    -- What decides whether somebody can log in, but for the password, which is for superusers' eyes.
    SELECT json_agg(json_build_object(
               'name', rolname,
               'login', rolcanlogin,
               'superuser', rolsuper,
               'replication', rolreplication,
               'expired', coalesce(rolvaliduntil <= clock_timestamp(), false),
               'connection_limit', rolconnlimit,
               'monitor', pg_has_role(oid, 'pg_monitor', 'USAGE')
           ) ORDER BY rolname) AS list
    FROM pg_roles
    WHERE rolname !~ '^pg_'
), made AS MATERIALIZED (
    -- What ha-cli has made for its probe in the superuser's own database. Read from the catalogs alone: whoever looks a name up fails
    -- where the role may not use its schema.
    SELECT probe.oid AS role, own.oid AS database, space.oid AS schema, look.oid AS look, host.oid AS host,
           NOT look.prosecdef OR NOT owner.rolsuper OR
               encode(sha256(convert_to(look.prosrc, 'UTF8')), 'hex') <> 'DIGEST_OF_LOOK' AS another
    FROM pg_roles AS probe
    JOIN pg_database AS own ON own.datname = current_database() AND own.datname = 'postgres'
    LEFT JOIN pg_namespace AS space ON space.nspname = 'ha'
    LEFT JOIN pg_proc AS look ON look.pronamespace = space.oid AND look.proname = 'look' AND look.pronargs = 0
    LEFT JOIN pg_roles AS owner ON owner.oid = look.proowner
    LEFT JOIN pg_class AS host ON host.relnamespace = space.oid AND host.relname = 'host'
    WHERE probe.rolname = 'ha_probe'
), unmade AS MATERIALIZED (
    SELECT coalesce(json_agg(part.what), '[]') AS list
    FROM made, LATERAL (VALUES
        (NOT has_database_privilege(role, database, 'CONNECT'), 'the role ha_probe may not connect to it'),
        (schema IS NULL, 'the schema ha is gone'),
        (NOT has_schema_privilege(role, schema, 'USAGE'), 'the role ha_probe may not use the schema ha'),
        (schema IS NOT NULL AND look IS NULL, 'the function ha.look() is gone'),
        (another, 'the function ha.look() is another one'),
        (NOT has_function_privilege(role, look, 'EXECUTE'), 'the role ha_probe may not call ha.look()'),
        -- Where PostgreSQL comes without file_fdw, there is none.
        (CASE WHEN schema IS NOT NULL AND host IS NULL
            THEN EXISTS (SELECT FROM pg_available_extensions WHERE name = 'file_fdw') END, 'the foreign table ha.host is gone'),
        (NOT has_table_privilege(role, host, 'SELECT'), 'the role ha_probe may not read ha.host')
    ) AS part(wrong, what)
    WHERE part.wrong
), transactions AS MATERIALIZED (
    -- The oldest few beside the observation's own.
    SELECT coalesce(json_agg(oldest), '[]') AS list
    FROM (
        SELECT pid, state, usename AS role, datname AS database, application_name AS application,
               extract(epoch FROM transaction_timestamp() - xact_start)::float8 AS seconds
        FROM pg_stat_activity
        WHERE backend_type = 'client backend' AND xact_start IS NOT NULL AND pid <> pg_backend_pid()
        ORDER BY xact_start
        LIMIT 5
    ) AS oldest
), prepared AS MATERIALIZED (
    SELECT coalesce(json_agg(oldest), '[]') AS list
    FROM (
        SELECT gid, owner AS role, database, extract(epoch FROM transaction_timestamp() - prepared)::float8 AS seconds,
               -- A promotion is when the history of a primary's own timeline was written.
               coalesce(prepared < (
                   SELECT modification FROM pg_ls_waldir()
                   WHERE name = left(pg_walfile_name((SELECT write_lsn FROM positions)), 8) || '.history'
               ), false) AS inherited
        FROM pg_prepared_xacts
        ORDER BY prepared
        LIMIT 5
    ) AS oldest
), texts AS MATERIALIZED (
    -- Keycloak's database is the only one that is not PostgreSQL's own.
    SELECT coalesce(bool_or(datcollversion <> pg_database_collation_actual_version(oid)), false) AS mismatch
    FROM pg_database
    WHERE datname NOT IN ('postgres', 'template0', 'template1')
)
SELECT json_build_object(
    'system_identifier', (SELECT system_identifier::text FROM pg_control_system()),
    -- On a primary not the last checkpoint's timeline: the checkpoint that follows a promotion takes its time.
    'timeline', CASE WHEN NOT standby
        THEN ('x' || left(pg_walfile_name(write_lsn), 8))::bit(32)::bigint
        ELSE greatest(
            (SELECT received_tli FROM receiver),
            (SELECT min_recovery_end_timeline FROM pg_control_recovery()),
            (SELECT timeline_id FROM pg_control_checkpoint())
        )
        END,
    'version', current_setting('server_version_num')::integer,
    'role', CASE WHEN standby THEN 'standby' ELSE 'primary' END,
    'write_lsn', write_lsn,
    'receive_lsn', receive_lsn,
    'flush_lsn', CASE WHEN standby THEN (SELECT flushed_lsn FROM receiver) END,
    'replay_lsn', replay_lsn,
    'replay_paused', CASE WHEN standby THEN pg_is_wal_replay_paused() END,
    'replay_age_seconds', CASE WHEN standby
        THEN extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp())::float8
        END,
    'receiver', CASE WHEN standby THEN (
        SELECT json_build_object(
            'status', status, 'slot', slot_name, 'host', sender_host, 'port', sender_port,
            'silent_seconds', extract(epoch FROM clock_timestamp() - last_msg_receipt_time)::float8
        )
        FROM receiver
    ) END,
    'upstream', CASE WHEN standby THEN coalesce(
        (SELECT CASE WHEN host LIKE '%:%' THEN '[' || host || ']' ELSE host END || ':' || port FROM upstream),
        (SELECT substring(text FROM '^postgres(?:ql)?://(?:[^@/]*@)?([^/?]+)') FROM conninfo)
    ) END,
    'senders', senders.list,
    'slots', slots.list,
    'synchronous_standby_names', current_setting('synchronous_standby_names'),
    'data_checksums', current_setting('data_checksums') = 'on',
    'wal_log_hints', current_setting('wal_log_hints') = 'on',
    'prepared_transactions', (SELECT count(*) FROM pg_prepared_xacts),
    'oldest_wal_lsn', CASE WHEN NOT standby THEN (SELECT '0/0'::pg_lsn + byte::numeric FROM oldest) END,
    -- By their names alone: where they lie cannot be asked of one whose link is gone without an error.
    'tablespaces', (
        SELECT coalesce(json_agg(spcname ORDER BY spcname), '[]')
        FROM pg_tablespace
        WHERE spcname NOT IN ('pg_default', 'pg_global')
    ),
    'wal_bytes', (SELECT sum(size)::bigint FROM pg_ls_waldir()),
    'durable', durable.list,
    'overridden', overridden.list,
    'clock_unix_ms', (extract(epoch FROM clock_timestamp()) * 1000)::bigint,
    'logins', logins.list,
    'databases', (
        SELECT coalesce(json_agg(json_build_object(
            'name', datname, 'open', datallowconn, 'connection_limit', datconnlimit
        ) ORDER BY datname), '[]')
        FROM keycloak
    ),
    'unmade', unmade.list,
    'transactions', transactions.list,
    'prepared', prepared.list,
    'standby_limits', json_build_object(
        'max_connections', current_setting('max_connections')::integer,
        'max_worker_processes', current_setting('max_worker_processes')::integer,
        'max_wal_senders', current_setting('max_wal_senders')::integer,
        'max_prepared_transactions', current_setting('max_prepared_transactions')::integer,
        'max_locks_per_transaction', current_setting('max_locks_per_transaction')::integer
    ),
    'pending_restart', (SELECT coalesce(json_agg(name ORDER BY name), '[]') FROM own WHERE pending_restart),
    'collation_mismatch', texts.mismatch,
    -- The node's own promotion.conf, which the server reads with its configuration.
    'promotion', CASE WHEN current_setting('ha.promotion', true) <> '' THEN json_build_object(
        'generation', current_setting('ha.generation')::bigint,
        'id', current_setting('ha.promotion'),
        'primary', current_setting('ha.primary'),
        'run_alone', coalesce(current_setting('ha.run_alone', true), '') = 'on',
        'ancestors', string_to_array(coalesce(current_setting('ha.ancestors', true), ''), ' ')
    ) END,
    'lineage', (
        SELECT json_build_object(
            'generation', word[1]::bigint, 'id', word[2], 'primary', word[3], 'timeline', word[4]::bigint,
            'ancestors', word[5:]
        )
        FROM lineage
    ),
    'set_up', (SELECT value FROM noted WHERE name = 'ha.set_up'),
    'made_with', (SELECT value FROM noted WHERE name = 'ha.made_with'),
    -- What this node's Keycloak tells in the name of its poller's session.
    'keycloak_heap_percent', (
        SELECT max(substring(application_name FROM '^keycloak-ha-standby(?: wal=unread)? heap=([0-9]{1,2}|100)%$')::integer)
        -- What pg_stat_activity is made from, without the names of users and databases.
        FROM pg_stat_get_activity(NULL)
        WHERE application_name LIKE 'keycloak-ha-standby %'
    ),
    'keycloak_wal_unread', EXISTS (
        SELECT FROM pg_stat_get_activity(NULL)
        WHERE application_name ~ '^keycloak-ha-standby wal=unread( heap=[0-9]{1,3}%)?$'
    )
)::text
FROM server, positions, senders, slots, texts, durable, overridden, logins, unmade, transactions, prepared
