#!/bin/sh
# Takes the lock of this node once it is told, by a line that says who takes it, and holds it until a further line comes or
# standard input ends, as it does with the connection to whoever took it. Says "locked"; or "held", and who holds it;
# or "none" where there is no place for a lock.
set -eu
cd /ha-history 2>/dev/null || { echo none; exit 0; }
exec 9>>lock
IFS= read -r holder || exit 0
code=0
# A holder that was killed this very moment is gone within this second: whoever runs the same again is not refused.
flock -w 1 9 || code=$?
case $code in
0)
    # By the shell itself: between the lock and the name lies no start of a program, in which others read the one before.
    printf '%s\n' "$holder" >lock.holder
    echo locked
    read -r _ || :
    ;;
1)
    echo held
    cat lock.holder
    ;;
*) exit "$code" ;;
esac
