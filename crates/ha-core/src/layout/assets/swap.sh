#!/bin/sh
# What a copy and a rewind have in common, put before both: new data is made beside its place, in $new, and takes it once it is
# whole; what was there stays in $old. /ha/swap says that $new is whole, /ha/rewinding that what is in the place is not.
new="$PGDATA.new" old="$PGDATA.old"

swap() {
    if [ -e "$new" ]; then
        # What was put aside first is what nobody else has.
        if [ -e "$PGDATA" ]; then
            if [ -e "$old" ]; then rm -rf "$PGDATA"; else mv "$PGDATA" "$old"; fi
        fi
        mv "$new" "$PGDATA"
    fi
    sync
    rm -f /ha/swap /ha/rewinding
    sync
}

