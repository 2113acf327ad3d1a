package org.hacli.standby;

import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** Which realms' parts have changed, by what the WAL says and what the rows show. */
final class RealmChanges {

    private RealmChanges() { }

    /**
     * The realms to be forgotten; null: it is not known, all of them. What was made is told to {@code blocks}, and where
     * that is not known, that.
     *
     * @param changes of {@link RealmTables}, by transactions that have ended
     * @param rows    what {@link WalReader#rows} finds of them
     */
    static Set<String> realms(List<Change> changes, List<WalReader.Row> rows, RealmBlocks blocks) {
        Made made = Made.by(changes);
        boolean known = made.known;
        if (!known) {
            blocks.clear();
        }
        Set<String> realms = new HashSet<>();
        Set<Made.Place> missing = new HashSet<>(made.places);
        for (WalReader.Row row : rows) {
            if (row.effect() != Change.Effect.FORGET_REALMS || row.columns()[0] == null) {
                continue; // what it belongs to is gone already: it stays among the missing
            }
            Made.Place place = Made.place(row.table(), row.columns()[2], row.columns()[1]);
            blocks.add(place.table(), place.block(), row.columns()[0]);
            realms.add(row.columns()[0]);
            missing.remove(place);
        }
        // Changed again since, or rolled back: whose they were is not known, now and when something is deleted there.
        missing.forEach(place -> blocks.unknown(place.table(), place.block()));
        known &= missing.isEmpty();
        for (Made.Deleted deleted : made.deleted) {
            if (deleted.owner() != null) {
                realms.add(deleted.owner());
                continue;
            }
            Set<String> there = blocks.at(deleted.table(), deleted.block());
            known &= there != null;
            realms.addAll(there == null ? Set.of() : there);
        }
        return known ? realms : null;
    }

    /** The rows of these changes were not read: nobody knows whose they are. */
    static void unread(List<Change> changes, RealmBlocks blocks) {
        Made made = Made.by(changes);
        if (!made.known) {
            blocks.clear();
        }
        made.places.forEach(place -> blocks.unknown(place.table(), place.block()));
    }
}
