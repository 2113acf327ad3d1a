#!/usr/bin/env bash
# Entrypoint with the documented behaviour of the official `postgres` image, written for ha-cli.
#
#   postgres [args] | -option…   create the database cluster if $PGDATA has none, then run the server
#   anything else                run that command as it is
#
# POSTGRES_PASSWORD, POSTGRES_USER, POSTGRES_DB, POSTGRES_INITDB_ARGS (each also as NAME_FILE),
# POSTGRES_INITDB_WALDIR, POSTGRES_HOST_AUTH_METHOD, /docker-entrypoint-initdb.d.
set -Eeuo pipefail
shopt -s nullglob

fail() {
  printf 'docker-entrypoint: %s\n' "$*" >&2
  exit 1
}

# read_setting NAME DEFAULT : sets NAME from itself, from the file that NAME_FILE names, or to the default.
read_setting() {
  local name="$1" file_variable="${1}_FILE" value="$2"
  if [[ -n "${!name:-}" && -n "${!file_variable:-}" ]]; then
    fail "both $name and $file_variable are set; use one of them"
  elif [[ -n "${!name:-}" ]]; then
    value="${!name}"
  elif [[ -n "${!file_variable:-}" ]]; then
    value="$(<"${!file_variable}")"
  fi
  export "$name"="$value"
  unset "$file_variable"
}

# Options that make postgres print something and exit: no cluster is to be created for those.
only_prints() {
  local argument
  for argument in "$@"; do
    case "$argument" in -'?' | --help | --describe-config | -V | --version) return 0 ;; esac
  done
  return 1
}

prepare_directories() {
  mkdir -p "$PGDATA" /var/run/postgresql
  # 00700 also clears set-id bits. A volume that refuses chmod is reported by the server itself.
  chmod 00700 "$PGDATA" || true
  chmod 03775 /var/run/postgresql || true
  if [[ -n "${POSTGRES_INITDB_WALDIR:-}" ]]; then
    mkdir -p "$POSTGRES_INITDB_WALDIR"
    chmod 700 "$POSTGRES_INITDB_WALDIR"
  fi
  ((EUID == 0)) || return 0
  # Files of another owner only: a chown of everything would rewrite every inode at each start.
  find "$PGDATA" ${POSTGRES_INITDB_WALDIR:+"$POSTGRES_INITDB_WALDIR"} \! -user postgres -exec chown postgres '{}' +
  find /var/run/postgresql \! -user postgres -exec chown postgres '{}' +
}

check_settings() {
  ((${#POSTGRES_PASSWORD} < 100)) || printf '%s\n' \
    'docker-entrypoint: note: some clients cannot use a password of 100 characters or more' >&2
  [[ -n "$POSTGRES_PASSWORD" || "$POSTGRES_HOST_AUTH_METHOD" == trust ]] || fail \
    'Database is uninitialized and superuser password is not specified: set POSTGRES_PASSWORD' \
    '(or POSTGRES_HOST_AUTH_METHOD=trust, which lets anyone in without a password)'
  [[ "$POSTGRES_HOST_AUTH_METHOD" != trust ]] || printf '%s\n' \
    'docker-entrypoint: warning: POSTGRES_HOST_AUTH_METHOD=trust lets anyone in without a password' >&2
}

# initdb refuses a user id without a name. Under `docker run --user 12345` libnss-wrapper lends it one.
lend_user_name() {
  getent passwd "$(id -u)" >/dev/null && return 0
  local library
  for library in /usr/lib/*/libnss_wrapper.so; do
    NSS_WRAPPER_PASSWD="$(mktemp)" NSS_WRAPPER_GROUP="$(mktemp)"
    printf 'postgres:x:%s:%s:PostgreSQL:%s:/bin/false\n' "$(id -u)" "$(id -g)" "$PGDATA" >"$NSS_WRAPPER_PASSWD"
    printf 'postgres:x:%s:\n' "$(id -g)" >"$NSS_WRAPPER_GROUP"
    export LD_PRELOAD="$library" NSS_WRAPPER_PASSWD NSS_WRAPPER_GROUP
    return 0
  done
}

return_user_name() {
  [[ -n "${NSS_WRAPPER_PASSWD:-}" ]] || return 0
  rm -f "$NSS_WRAPPER_PASSWD" "$NSS_WRAPPER_GROUP"
  unset LD_PRELOAD NSS_WRAPPER_PASSWD NSS_WRAPPER_GROUP
}

create_cluster() {
  local arguments=()
  # Quoting inside POSTGRES_INITDB_ARGS is honoured, as documented; whoever sets it controls the container.
  eval "arguments=(${POSTGRES_INITDB_ARGS})"
  [[ -z "${POSTGRES_INITDB_WALDIR:-}" ]] || arguments+=(--waldir "$POSTGRES_INITDB_WALDIR")
  lend_user_name
  # A pipe instead of a file: the password never reaches a disk or a command line.
  initdb -D "$PGDATA" --username="$POSTGRES_USER" --pwfile=<(printf '%s\n' "$POSTGRES_PASSWORD") "${arguments[@]}"
  return_user_name

  local method="$POSTGRES_HOST_AUTH_METHOD"
  # Whatever initdb arguments chose for passwords is what the network must be asked for.
  [[ -n "$method" ]] || method="$(postgres -C password_encryption)"
  {
    printf '\n'
    [[ "$method" != trust ]] || printf '# "trust" was asked for by POSTGRES_HOST_AUTH_METHOD: no password needed\n'
    printf 'host all all all %s\n' "$method"
  } >>"$PGDATA/pg_hba.conf"
}

run_sql() { psql -v ON_ERROR_STOP=1 --no-psqlrc --username "$POSTGRES_USER" --no-password "$@"; }

# The name create_database gives is quoted by psql (:"db"), whatever characters it has.
create_database() {
  [[ "$POSTGRES_DB" != postgres ]] || return 0
  PGHOST='' PGHOSTADDR='' run_sql --dbname postgres --set db="$POSTGRES_DB" <<<'CREATE DATABASE :"db";'
}

run_init_files() {
  local file
  for file in /docker-entrypoint-initdb.d/*; do
    printf 'docker-entrypoint: running %s\n' "$file"
    case "$file" in
      *.sh)
        # Executable: a program of its own. Otherwise sourced, so that it may set variables for the next.
        # shellcheck disable=SC1090
        if [[ -x "$file" ]]; then "$file"; else . "$file"; fi
        ;;
      *.sql) run_init_sql <"$file" ;;
      *.sql.gz) gunzip -c "$file" | run_init_sql ;;
      *.sql.xz) xzcat "$file" | run_init_sql ;;
      *.sql.zst) zstd -dc "$file" | run_init_sql ;;
      *) printf 'docker-entrypoint: ignoring %s\n' "$file" ;;
    esac
  done
}

run_init_sql() { PGHOST='' PGHOSTADDR='' run_sql --dbname "$POSTGRES_DB"; }

initialise() {
  check_settings
  create_cluster
  # For this one start the server listens on its socket only: nobody must meet a half-made database.
  local options
  options="$(printf '%q ' "$@" -c listen_addresses= -p "${PGPORT:-5432}")"
  export PGPASSWORD="${PGPASSWORD:-$POSTGRES_PASSWORD}"
  NOTIFY_SOCKET='' pg_ctl -D "$PGDATA" -o "$options" -w start
  create_database
  run_init_files
  pg_ctl -D "$PGDATA" -m fast -w stop
  unset PGPASSWORD
  printf '\nPostgreSQL init process complete; ready for start up.\n\n'
}

main() {
  [[ "${1:-}" != -* ]] || set -- postgres "$@"
  if [[ "${1:-}" != postgres ]] || only_prints "${@:2}"; then
    exec "$@"
  fi

  prepare_directories
  # From here on as the postgres user; `exec` keeps the server the container's first process.
  ((EUID != 0)) || exec gosu postgres "${BASH_SOURCE[0]}" "$@"

  if [[ -s "$PGDATA/PG_VERSION" ]]; then
    printf '\nPostgreSQL Database directory appears to contain a database; Skipping initialization\n\n'
  else
    read_setting POSTGRES_PASSWORD ''
    read_setting POSTGRES_USER postgres
    read_setting POSTGRES_DB "$POSTGRES_USER"
    read_setting POSTGRES_INITDB_ARGS ''
    : "${POSTGRES_HOST_AUTH_METHOD:=}"
    initialise "${@:2}"
  fi
  exec "$@"
}

# A script that sources this file gets the functions only.
[[ "${BASH_SOURCE[0]}" != "$0" ]] || main "$@"
