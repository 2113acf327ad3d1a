#!/bin/sh
# Times the disk under a folder: disk.sh FOLDER
set -u
export LC_ALL=C
file="$1/ha-doctor.$$"
trap 'rm -f "$file"' EXIT
# It tries each way of syncing for a second: open_datasync, then fdatasync, which is PostgreSQL's on Linux; the rest is
# not waited for.
test=$(command -v pg_test_fsync || ls /usr/lib/postgresql/*/bin/pg_test_fsync 2>/dev/null | tail -n 1)
if [ -n "$test" ]; then
    timeout -s INT 8 "$test" -s 1 -f "$file" 2>/dev/null |
        sed -n '/^ *fdatasync  *[0-9]/{s/^ *fdatasync  *\([0-9.]*\).*/syncs=\1/p;q;}'
fi
# BusyBox may know fsync only.
way=fdatasync
dd if=/dev/zero of="$file" bs=1 count=1 conv=fdatasync 2>/dev/null || way=fsync
for mib in 16 256; do
    said=$(timeout 10 dd if=/dev/zero of="$file" bs=1048576 count=$mib conv=$way 2>&1 | tail -n 1)
    seconds=$(echo "$said" | sed -n 's/.* copied, \([0-9.e-]*\) s.*/\1/p')
    if [ -z "$seconds" ]; then
        echo "failed_write=$said"
        exit 0
    fi
    echo "written=$((mib * 1048576)) $seconds"
    # A slow disk has shown by now that it is.
    case $seconds in 0.[0-2]* | *e-*) ;; *) exit 0 ;; esac
done
