package org.hacli.standby;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * The changes whose transactions have not ended yet, as far as this node has replayed.
 *
 * <p>A row's change is replayed before the commit that makes it visible, by any length of time. To evict at the change
 * would be wrong: the next request would cache the old row again, and nothing would come to remove it. So a change
 * waits here until its transaction has ended on this server (committed or not), and only then takes effect: a snapshot
 * taken afterwards sees the new row. The state of each transaction is asked by its own id. The snapshot's xmin would
 * not do: one long-running transaction on the primary would hold all later ones back.
 *
 * <p>After a gap (the WAL could not be read up to some position) transactions may be running whose changes were never
 * seen. All of them have ids below the next id at that position: until none of those is running (there xmin is the
 * right question), every movement of the WAL clears everything.
 */
final class Pending {

    private final Map<Integer, Set<Change>> byTransaction = new HashMap<>();
    private boolean gap;
    private int gapEnd;

    void add(List<Change> changes) {
        for (Change change : changes) {
            if (change.effect() != Change.Effect.NONE) {
                byTransaction.computeIfAbsent(change.xid(), x -> new HashSet<>()).add(change);
            }
        }
    }

    Set<Integer> transactions() {
        return Set.copyOf(byTransaction.keySet());
    }

    boolean isEmpty() {
        return byTransaction.isEmpty();
    }

    /** The changes of transactions that have ended; they are handed out once. */
    List<Change> ended(Set<Integer> transactions) {
        List<Change> out = new ArrayList<>();
        for (Integer xid : transactions) {
            Set<Change> changes = byTransaction.remove(xid);
            if (changes != null) {
                out.addAll(changes);
            }
        }
        return out;
    }

    /** Changes up to here may have been missed; {@code nextXid} is above every id that had been seen by then. */
    void gap(int nextXid) {
        byTransaction.clear();
        gap = true;
        gapEnd = nextXid;
    }

    /** Whether a transaction from before the gap may still be running, given the oldest running one. */
    boolean inGap(int oldestRunning) {
        if (gap && oldestRunning - gapEnd >= 0) { // modulo 2^32, as PostgreSQL compares them
            gap = false;
        }
        return gap;
    }

    boolean hasGap() {
        return gap;
    }
}
