# Writes a base backup of the server in this container to standard output, as one tar archive with the WAL that belongs to
# it; ends with whoever reads it, which the end of standard input tells.
#
# Every process is waited for here: the server is the container's first process, inherits what is left behind, and takes
# the death of an unknown child by a signal for a crash of its own.
set -eu
exec 3<&0
pg_basebackup --no-password --pgdata=- --format=tar --wal-method=fetch --checkpoint=fast --dbname="$1" 3<&- &
backup=$!
# By the shell itself: no program of its own is left over when it is ended.
{ while read -r _ <&3; do :; done; kill "$backup"; } >/dev/null 2>&1 &
watch=$!
code=0
wait "$backup" || code=$?
kill "$watch" 2>/dev/null || :
wait "$watch" || :
exit "$code"
