package org.hacli.standby;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

class PendingTest {

    private final Pending pending = new Pending();

    private static Change user(int xid, long block) {
        return new Change("user_entity", xid, "UPDATE", block);
    }

    @Test
    void holdsAChangeUntilItsTransactionHasEnded() {
        pending.add(List.of(user(10, 1), user(11, 2)));
        assertEquals(Set.of(10, 11), pending.transactions());
        assertEquals(List.of(), pending.ended(Set.of()));
        // The later one ends first: the earlier one, still running, must not hold it back.
        assertEquals(List.of(user(11, 2)), pending.ended(Set.of(11)));
        pending.add(List.of(user(10, 3)));
        assertEquals(Set.of(user(10, 1), user(10, 3)), Set.copyOf(pending.ended(Set.of(10))));
        assertTrue(pending.isEmpty());
        assertEquals(List.of(), pending.ended(Set.of(10, 11)));
    }

    @Test
    void forgetsWhatHasNoEffectAndCountsTheRestOnce() {
        pending.add(List.of(new Change("event_entity", 5, "INSERT", 1)));
        assertTrue(pending.isEmpty());
        pending.add(List.of(user(6, 1), user(6, 1)));
        assertEquals(1, pending.ended(Set.of(6)).size());
    }

    @Test
    void staysInAGapUntilAllTransactionsOfItHaveEnded() {
        pending.add(List.of(user(6, 1)));
        pending.gap(100);
        assertTrue(pending.isEmpty()); // everything is cleared anyway, for longer
        assertTrue(pending.inGap(90));
        assertTrue(pending.inGap(99));
        assertTrue(pending.hasGap());
        assertFalse(pending.inGap(100));
        assertFalse(pending.hasGap());
        assertFalse(pending.inGap(90));
    }

    @Test
    void comparesIdsAcrossTheirWrapAround() {
        pending.gap(5); // the counter has just wrapped
        assertTrue(pending.inGap(-20));
        assertFalse(pending.inGap(5));
        pending.gap(Integer.MIN_VALUE);
        assertTrue(pending.inGap(Integer.MAX_VALUE));
        assertFalse(pending.inGap(Integer.MIN_VALUE + 1));
    }
}
