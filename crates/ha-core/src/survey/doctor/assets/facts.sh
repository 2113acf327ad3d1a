#!/bin/sh
# What a container sees of its host, one fact a line: facts.sh FOLDER [DATA]
set -u
export LC_ALL=C
tries=0
until [ -e /dev/shm/ha-doctor-ready ] || [ $tries -ge 100 ]; do
    tries=$((tries + 1))
    sleep 0.1
done

disk() { df -Pk "$2" 2>/dev/null | awk -v what="$1" 'NR == 2 { print "disk=" what " " $(NF-5) " " $(NF-4) " " $(NF-2) }'; }
disk engine "$1"
if [ -n "${2:-}" ]; then
    disk data "$2"
    timeout 5 du -sk "$2" 2>/dev/null | awk '{ print "data_kib=" $1 }'
fi

value() { [ -r "$2" ] && echo "$1=$(cat "$2")"; }
value overcommit /proc/sys/vm/overcommit_memory
value swappiness /proc/sys/vm/swappiness
sed -n 's/.*\[\(.*\)\].*/huge_pages=\1/p' /sys/kernel/mm/transparent_hugepage/enabled 2>/dev/null
awk '/^MemAvailable:/ { print "available_kib=" $2 } /^SwapTotal:/ { print "swap_kib=" $2 }' /proc/meminfo
# The least of the limits around this container; only control groups of version 1 show those of their parents.
awk '/^hierarchical_memory_limit/ { print "limit_bytes=" $2 }' /sys/fs/cgroup/memory/memory.stat 2>/dev/null

echo "lacks=$(lacking)"
if command -v perl >/dev/null; then echo "perl=yes"; fi
echo "postgres=$(postgres --version 2>/dev/null | sed 's/^[^0-9]*\([0-9.]*\).*/\1/')"
if libc=$(getconf GNU_LIBC_VERSION 2>/dev/null); then
    echo "libc=$libc"
elif ls /lib/ld-musl-* >/dev/null 2>&1; then
    echo "libc=musl"
fi
exit 0
