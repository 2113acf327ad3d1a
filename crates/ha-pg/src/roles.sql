-- Writes down what the roles' verifiers are now, as digests that tell nothing, so that look.sql can tell when somebody has
-- changed one. psql variable: names, the roles as an array's text.
SELECT string_agg(encode(sha256(convert_to(rolname || ' ' || coalesce(rolpassword, ''), 'UTF8')), 'hex'), ' ' ORDER BY rolname) AS digests
FROM pg_authid WHERE rolname = ANY (:'names'::name[]) \gset
SELECT NOT EXISTS (
    SELECT FROM pg_db_role_setting AS set
    JOIN pg_database AS database ON database.oid = set.setdatabase AND database.datname = 'postgres'
    WHERE set.setrole = 0 AND 'ha.roles=' || :'digests' = ANY (set.setconfig)
) AS another \gset
\if :another
    ALTER DATABASE postgres SET "ha.roles" = :'digests';
\endif
