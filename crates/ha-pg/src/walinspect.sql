-- What has to be in Keycloak's own database: the functions that read the WAL, for its standby extension. Runs as the superuser
-- in a database that belongs to somebody else: nothing of that owner's is named or read, and everything is made in a schema
-- of the superuser's. psql variable: owner. May be repeated.
SELECT EXISTS (SELECT FROM pg_available_extensions WHERE name = 'pg_walinspect') AS walinspect,
       coalesce((SELECT nspowner = current_user::regrole FROM pg_namespace WHERE nspname = 'ha'), true) AS ours,
       NOT EXISTS (SELECT FROM pg_namespace WHERE nspname = 'ha') AS missing,
       NOT EXISTS (SELECT FROM pg_extension WHERE extname = 'pg_walinspect') AS absent,
       EXISTS (
           SELECT FROM pg_extension AS extension
           JOIN pg_namespace AS place ON place.oid = extension.extnamespace
           WHERE extension.extname = 'pg_walinspect' AND place.nspname <> 'ha'
       ) AS elsewhere \gset
\if :ours
\else
    \echo schema-taken
    \quit
\endif
\if :walinspect
    \if :missing
        CREATE SCHEMA ha;
    \endif
    \if :absent
        CREATE EXTENSION pg_walinspect SCHEMA ha;
    \endif
    -- Earlier versions made it in public, which is the owner's.
    \if :elsewhere
        ALTER EXTENSION pg_walinspect SET SCHEMA ha;
    \endif
    GRANT USAGE ON SCHEMA ha TO :"owner";
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
-- The room on the host is told in the superuser's own database.
SELECT EXISTS (SELECT FROM pg_foreign_server WHERE srvname = 'ha_host' AND srvowner = current_user::regrole) AS old \gset
\if :old
    BEGIN;
    DROP FOREIGN TABLE IF EXISTS ha.host;
    DROP SERVER ha_host;
    DROP EXTENSION IF EXISTS file_fdw;
    COMMIT;
\endif
