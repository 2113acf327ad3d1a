-- Brings Keycloak's database in line, as others see it; the roles and slots are made by what stands before and after it. Runs in the
-- superuser's own database. psql variables: db, owner, look. Every part may be repeated, and touches nothing that is as
-- it should be: the database's owner may hold locks.
SELECT NOT EXISTS (SELECT FROM pg_database WHERE datname = :'db') AS missing \gset
\if :missing
    -- template0 has no text yet that another encoding could break.
    CREATE DATABASE :"db" OWNER :"owner" ENCODING 'UTF8' TEMPLATE template0;
\endif
SELECT datdba <> (SELECT oid FROM pg_roles WHERE rolname = :'owner') AS anothers,
       NOT datallowconn OR datconnlimit <> -1 AS closed,
       EXISTS (
           SELECT FROM aclexplode(coalesce(datacl, acldefault('d', datdba))) AS right_to
           WHERE right_to.grantee <> (SELECT oid FROM pg_roles WHERE rolname = :'owner')
       ) AS open
FROM pg_database WHERE datname = :'db' \gset
\if :anothers
    ALTER DATABASE :"db" OWNER TO :"owner";
\endif
\if :closed
    ALTER DATABASE :"db" ALLOW_CONNECTIONS true CONNECTION LIMIT -1;
\endif
\if :open
    REVOKE CONNECT, TEMPORARY ON DATABASE :"db" FROM PUBLIC;
    GRANT CONNECT, TEMPORARY ON DATABASE :"db" TO :"owner";
\endif

-- The room on the host, which no function of PostgreSQL tells: a program whose words nobody but a superuser can change, for
-- whoever may read the table. What a session runs instead of somebody who executes a program in the container is quicker by
-- far, and needs no way to the engine.
SELECT EXISTS (SELECT FROM pg_available_extensions WHERE name = 'file_fdw') AS filefdw \gset
\if :filefdw
    CREATE EXTENSION IF NOT EXISTS file_fdw SCHEMA ha;
    SELECT NOT EXISTS (SELECT FROM pg_foreign_server WHERE srvname = 'ha_host') AS missing \gset
    \if :missing
        CREATE SERVER ha_host FOREIGN DATA WRAPPER file_fdw;
    \endif
    SELECT NOT EXISTS (
        SELECT FROM pg_foreign_table
        WHERE ftrelid = to_regclass('ha.host') AND ftoptions @> ARRAY['program=' || :'look']
    ) AS another \gset
    \if :another
        BEGIN;
        DROP FOREIGN TABLE IF EXISTS ha.host;
        -- A line is one value, whatever is in it.
        CREATE FOREIGN TABLE ha.host (line text) SERVER ha_host
            OPTIONS (program :'look', format 'csv', delimiter E'\x01', quote E'\x02', escape E'\x02');
        COMMIT;
    \endif
\endif
