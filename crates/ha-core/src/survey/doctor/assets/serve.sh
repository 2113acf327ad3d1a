#!/bin/sh
# Keeps the container there for at most so many seconds, whatever becomes of whoever made it, and answers tests of the
# network meanwhile: serve.sh SECONDS PORT...
set -eu
if command -v perl >/dev/null; then
    exec perl /ha-doctor/serve.pl "$@"
fi
: >/dev/shm/ha-doctor-ready
exec sleep "$1"
