#!/bin/sh
# Takes the lock of this node once it is told, by a line that says who takes it, and holds it until a further line comes or
# standard input ends, as it does with the connection to whoever took it. Says "locked"; or "held", and who holds it;
# or "none" where there is no place for a lock. To "still WORD" it answers "held WORD". While nobody holds it there is no name: who only
# looks need not try the lock then.
set -eu
cd /ha-history 2>/dev/null || { echo none; exit 0; }
exec 9>>lock
IFS= read -r holder || exit 0
code=1 tries=0
# A holder that was killed this very moment is gone within this second: whoever runs the same again is not refused. BusyBox's flock
# cannot wait for a time.
while [ "$code" -eq 1 ] && [ "$tries" -lt 20 ]; do
    [ "$tries" -eq 0 ] || sleep 0.05
    code=0
    flock -n 9 || code=$?
    tries=$((tries + 1))
done
case $code in
0)
    # By the shell itself: between the lock and the name lies no start of a program, in which others read the one before.
    printf '%s\n' "$holder" >lock.holder
    echo locked
    while IFS= read -r word; do
        case $word in
        "still "*) echo "held ${word#still }" ;;
        *) break ;;
        esac
    done
    : >lock.holder
    ;;
1)
    echo held
    cat lock.holder
    ;;
*) exit "$code" ;;
esac
