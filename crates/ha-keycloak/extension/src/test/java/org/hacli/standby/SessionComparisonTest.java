package org.hacli.standby;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class SessionComparisonTest {

    private final SessionComparison comparison = new SessionComparison();
    private final Set<SessionKey> cached = new HashSet<>();
    private final Map<SessionKey, Long> rows = new HashMap<>();
    private int asked;
    private int mostAsked;

    @BeforeEach
    void drainRequests() {
        comparison.idle();
    }

    private Map<SessionKey, Long> blocks(Collection<SessionKey> keys) {
        asked += keys.size();
        mostAsked = Math.max(mostAsked, keys.size());
        return keys.stream().filter(rows::containsKey).collect(Collectors.toMap(key -> key, rows::get));
    }

    private Set<SessionKey> step() throws Exception {
        return comparison.step(() -> new HashSet<>(cached).iterator(), this::blocks);
    }

    /** As many sessions as asked for, ten in a block of the table. */
    private void cache(String name, int count) {
        IntStream.range(0, count).forEach(i -> {
            cached.add(key(name + i));
            rows.put(key(name + i), i / 10L);
        });
    }

    private void compareAll() throws Exception {
        comparison.request();
        for (int steps = 0; !comparison.idle(); steps++) {
            assertTrue(steps <= 40, "it comes to its end");
            step();
        }
    }

    private static SessionKey key(String id) {
        return SessionKey.user(false, id);
    }

    @Test
    void doesNothingUnasked() throws Exception {
        cached.add(key("unasked"));
        assertTrue(comparison.idle());
        assertEquals(Set.of(), step());
        assertEquals(0, asked);
    }

    @Test
    void removesWhatTwoLookUpsMissed() throws Exception {
        cached.add(key("gone"));
        cached.add(key("kept"));
        rows.put(key("kept"), 1L);
        comparison.request();
        assertEquals(Set.of(), step());
        assertEquals(Set.of(key("gone")), step());
        assertTrue(comparison.idle());
    }

    @Test
    void keepsWhatTheSecondLookUpFinds() throws Exception {
        cached.add(key("late"));
        comparison.request();
        step();
        rows.put(key("late"), 1L);
        assertEquals(Set.of(), step());
        assertEquals(Set.of(), step());
    }

    @Test
    void sparesWhatWasMadeHereEvenWhenToldLate() throws Exception {
        cached.add(key("mine"));
        cached.add(key("mine-told-late"));
        MadeHere.add(key("mine"), null);
        comparison.request();
        step();
        MadeHere.add(key("mine-told-late"), null);
        assertEquals(Set.of(), step());
    }

    /** What no cache holds any more is not kept in mind, and is looked up like anything new once it is cached again. */
    @Test
    void forgetsInItsOwnTimeWhatIsCachedNoLonger() throws Exception {
        cache("evicted", 20_000);
        compareAll();
        cached.clear();
        comparison.deleted(Tables.Kind.USER_SESSION, 1_000_000);
        int steps = 0;
        for (; !comparison.idle(); steps++) {
            assertTrue(steps <= 30, "it comes to its end");
            step();
        }
        assertTrue(steps >= 8, "all at once, in " + steps + " passes");
        asked = 0;
        cache("evicted", 20_000);
        comparison.deleted(Tables.Kind.USER_SESSION, 1_000_000);
        while (!comparison.idle()) {
            step();
        }
        assertEquals(20_000, asked);
    }

    @Test
    void tellsOfflineAndClientSessionsApart() throws Exception {
        MadeHere.add(new SessionKey(false, "s", "web"), null);
        cached.add(new SessionKey(true, "s", "web"));
        cached.add(new SessionKey(false, "s", "other"));
        comparison.request();
        step();
        assertEquals(cached, step());
    }

    @Test
    void spreadsALargeRound() throws Exception {
        cache("many", 10_000);
        for (int round = 0; round < 2; round++) { // the first does not know yet how many there are
            comparison.request();
            int steps = 0;
            while (!comparison.idle()) {
                int before = asked;
                step();
                steps += asked > before ? 1 : 0;
                assertTrue(steps <= 11, "all are compared within eleven passes");
            }
        }
        assertEquals(20_000, asked); // request() forgets all places
        assertTrue(mostAsked <= 1_250);
    }

    @Test
    void startsAgainAfterTheRunningRound() throws Exception {
        cache("again", 2_000);
        comparison.request();
        step();
        comparison.request();
        while (!comparison.idle()) {
            step();
        }
        assertEquals(3_000, asked, "what was looked up before the second request, again");
    }

    @Test
    void looksOnlyWhereSomethingWasDeleted() throws Exception {
        cache("near", 10_000);
        compareAll();
        asked = 0;
        rows.remove(key("near57"));
        comparison.deleted(Tables.Kind.USER_SESSION, 5);
        assertEquals(Set.of(), step());
        assertEquals(Set.of(key("near57")), step());
        assertEquals(11, asked, "the ten of the block, and the missing one again");
        asked = 0;
        comparison.deleted(Tables.Kind.CLIENT_SESSION, 5);
        step();
        assertEquals(0, asked, "the blocks of another table");
    }

    @Test
    void followsARowThatMovedBeforeItWasDeleted() throws Exception {
        cache("moving", 3_000);
        compareAll();
        comparison.moved(Tables.Kind.USER_SESSION, 7);
        comparison.moved(Tables.Kind.USER_SESSION, 99);
        rows.remove(key("moving71"));
        comparison.deleted(Tables.Kind.USER_SESSION, 99);
        Set<SessionKey> gone = new HashSet<>();
        while (!comparison.idle()) {
            gone.addAll(step());
        }
        assertEquals(Set.of(key("moving71")), gone);
    }

    @Test
    void learnsPlacesWhileIdleAndRemovesNothing() throws Exception {
        cache("learnt", 400);
        cached.add(key("not-yet-told"));
        for (int pass = 0; pass < 200; pass++) {
            if (!comparison.idle()) {
                assertEquals(Set.of(), step());
            }
        }
        assertTrue(mostAsked <= 250, "a few in each pass");
        asked = 0;
        rows.remove(key("learnt399"));
        comparison.deleted(Tables.Kind.USER_SESSION, 39);
        assertEquals(Set.of(), step());
        assertTrue(asked <= 11, "the block, and what is not known");
        assertTrue(step().contains(key("learnt399")));
    }

    @Test
    void hearsTheDriver() {
        assertTrue(comparison.idle());
        SessionComparison.requestFromAnyThread();
        assertFalse(comparison.idle());
    }
}
