package org.hacli.standby;

import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * The rows that transactions have made in the {@link RealmTables}, by their place, as far as they had not been put into another place
 * since, or ended again by who made them; and the blocks from which they deleted rows of others. Pure.
 */
final class Made {

    /** A row's version: it lies there for good, until nobody sees it any more. */
    record Place(String table, int xid, long block, int offset) { }

    /** What was deleted from a block, and whose it was, where that is known. */
    record Deleted(String table, long block, String owner) { }

    final Set<Place> places = new HashSet<>();
    final Set<Deleted> deleted = new HashSet<>();
    /** False: a record does not say what it made. */
    boolean known = true;

    static Made by(List<Change> changes) {
        Made out = new Made();
        // In their order: a place is used again once nobody sees what was there.
        changes.stream().sorted(Comparator.comparingLong(Change::lsn)).forEach(out::take);
        return out;
    }

    private void take(Change change) {
        if (change.tuples() == null) {
            known = false;
            return;
        }
        int ended = change.tuples().ended();
        if (ended > 0 && !places.remove(place(change, ended))) {
            if (change.updates()) {
                // Its new version tells whose it is, also where another transaction has made this one just before.
                places.removeIf(place -> place.table.equals(change.table()) && place.block == change.block() && place.offset == ended);
            } else {
                deleted.add(new Deleted(change.table(), change.block(), change.owner()));
            }
        }
        change.tuples().made().forEach(offset -> places.add(place(change, offset)));
    }

    /** As the columns {@code xmin} and {@code ctid} show it. */
    static Place place(String table, String xid, String ctid) {
        String[] numbers = ctid.substring(1, ctid.length() - 1).split(",");
        return new Place(table, (int) Long.parseLong(xid), Long.parseLong(numbers[0]), Integer.parseInt(numbers[1]));
    }

    static Place place(Change change, int offset) {
        return new Place(change.table(), change.xid(), change.block(), offset);
    }
}
