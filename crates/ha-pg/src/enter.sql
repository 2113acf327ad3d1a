-- Leaves the superuser's own database for another one. psql variables: db, role: where to and as whom; login: a libpq connection
-- string of it; options: what the session there is to have.
--
-- Whoever owns a database or a role may give settings to all sessions of it. Each that was given there is stated as it is
-- here: what a session states itself has precedence (PostgreSQL 17, "Setting Parameters"). What only superusers can
-- set, only they can have given. More than 8 kB are not read: unpacked they
-- may be a gigabyte.
SELECT regexp_replace(
           :'options' || coalesce(
               string_agg(format(' -c %s=%s', own.name, regexp_replace(own.setting, '([\s\\])', '\\\1', 'g')), ''), ''
           ),
           '([\\''])', '\\\1', 'g'
       ) AS options
FROM (
    SELECT DISTINCT lower(split_part(setting, '=', 1)) AS name
    FROM pg_db_role_setting AS given CROSS JOIN unnest(
             CASE WHEN pg_column_size(given.setconfig) <= 8192 THEN given.setconfig END) AS setting
    WHERE given.setdatabase IN (0, (SELECT oid FROM pg_database WHERE datname = :'db'))
      AND given.setrole IN (0, (SELECT oid FROM pg_roles WHERE rolname = :'role'))
) AS given
JOIN pg_settings AS own ON lower(own.name) = given.name
WHERE own.context = 'user' \gset
\set login :login ' options=\'' :options '\''
\connect -reuse-previous=off :"login"
