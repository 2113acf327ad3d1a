#!/bin/sh
# Says "held", and who holds it, while somebody holds the lock of this node: a name alone may be that of a holder whose server was stopped
# under it. The lock is tried for a moment, and shared, so that two who look do not take each other for a holder; who comes to take
# it just then tries again.
set -eu
cd /ha-history 2>/dev/null || exit 0
[ -e lock ] || exit 0
exec 9<lock
code=0
flock -n -s 9 || code=$?
[ "$code" -ne 1 ] || { echo held; cat lock.holder; }
