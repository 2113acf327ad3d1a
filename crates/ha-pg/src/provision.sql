-- Brings database and extension in line; the roles and slots are made by what stands before and after it. psql variables:
-- db, owner, look. Every part may be repeated.
SELECT NOT EXISTS (SELECT FROM pg_database WHERE datname = :'db') AS missing \gset
\if :missing
    -- template0 has no text yet that another encoding could break.
    CREATE DATABASE :"db" OWNER :"owner" ENCODING 'UTF8' TEMPLATE template0;
\endif
ALTER DATABASE :"db" OWNER TO :"owner";
REVOKE CONNECT, TEMPORARY ON DATABASE :"db" FROM PUBLIC;
GRANT CONNECT, TEMPORARY ON DATABASE :"db" TO :"owner";

\connect :"db"
SELECT EXISTS (SELECT FROM pg_available_extensions WHERE name = 'pg_walinspect') AS walinspect \gset
\if :walinspect
    -- In public, where the standby extension of Keycloak finds the functions by its search path.
    CREATE EXTENSION IF NOT EXISTS pg_walinspect SCHEMA public;
    -- By name and not by signature: which of them there are, and with which arguments, depends on the version.
    SELECT format('GRANT EXECUTE ON FUNCTION %s TO %I', function.oid::regprocedure, :'owner')
    FROM pg_extension AS extension
    JOIN pg_depend AS part
        ON part.refclassid = 'pg_extension'::regclass AND part.refobjid = extension.oid AND part.deptype = 'e'
    JOIN pg_proc AS function ON part.classid = 'pg_proc'::regclass AND part.objid = function.oid
    WHERE extension.extname = 'pg_walinspect'
      AND function.proname IN ('pg_get_wal_block_info', 'pg_get_wal_records_info')
    \gexec
\else
    \echo no-walinspect
\endif

-- The room on the host, which no function of PostgreSQL tells: a program whose words nobody but a superuser can change, for
-- whoever may read the table. What a session runs instead of somebody who executes a program in the container is quicker by
-- far, and needs no way to the engine. Outside public, which is Keycloak's.
SELECT EXISTS (SELECT FROM pg_available_extensions WHERE name = 'file_fdw') AS filefdw \gset
\if :filefdw
    CREATE SCHEMA IF NOT EXISTS ha;
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
