-- What neither a probe may see nor another database's catalog is asked for, for whoever may call it. It runs with the superuser's
-- rights, and touches nothing but two shared catalogs and the names of files: whose verifier is another than the one that was
-- set last (`ha.roles`, see roles.sql), and how many of Keycloak's relations are unlogged, which have an initialisation fork.
CREATE SCHEMA IF NOT EXISTS ha;
-- What somebody put in its place may be of a kind that cannot be replaced, or somebody else's.
SELECT EXISTS (
    SELECT FROM pg_proc
    WHERE pronamespace = (SELECT oid FROM pg_namespace WHERE nspname = 'ha') AND proname = 'look' AND pronargs = 0
      AND (prokind <> 'f' OR prorettype <> 'text'::regtype OR proretset OR proowner <> current_user::regrole)
) AS anothers \gset
\if :anothers
    DROP ROUTINE ha.look();
\endif
CREATE OR REPLACE FUNCTION ha.look() RETURNS text
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $look$
    SELECT json_build_object(
        'verifiers_as_set', (
            SELECT coalesce(json_object_agg(
                role.rolname,
                encode(sha256(convert_to(role.rolname || ' ' || coalesce(role.rolpassword, ''), 'UTF8')), 'hex') = ANY (noted.digests)
            ), '{}')
            FROM pg_authid AS role, (
                SELECT string_to_array(substr(setting, length('ha.roles=') + 1), ' ') AS digests
                FROM pg_db_role_setting AS set
                JOIN pg_database AS database ON database.oid = set.setdatabase AND database.datname = 'postgres'
                CROSS JOIN unnest(CASE WHEN database.oid IS NOT NULL THEN set.setconfig END) AS setting
                WHERE set.setrole = 0 AND setting LIKE 'ha.roles=_%'
            ) AS noted
            WHERE role.rolcanlogin AND NOT role.rolsuper
        ),
        'unlogged_relations', (
            SELECT count(*)
            FROM pg_database AS database, pg_ls_dir('base/' || database.oid, true, false) AS file
            WHERE database.datname NOT IN ('postgres', 'template0', 'template1') AND file ~ '^[0-9]+_init$'
        )
    )::text
$look$;
REVOKE ALL ON FUNCTION ha.look() FROM PUBLIC;
