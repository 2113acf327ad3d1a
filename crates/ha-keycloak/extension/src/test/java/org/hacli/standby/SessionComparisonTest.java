package org.hacli.standby;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Collection;
import java.util.HashSet;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class SessionComparisonTest {

    private final SessionComparison comparison = new SessionComparison();
    private final Set<SessionKey> cached = new HashSet<>();
    private final Set<SessionKey> rows = new HashSet<>();
    private int asked;
    private int mostAsked;

    @BeforeEach
    void drainRequests() {
        comparison.idle();
    }

    private Set<SessionKey> missing(Collection<SessionKey> keys) {
        asked += keys.size();
        mostAsked = Math.max(mostAsked, keys.size());
        return keys.stream().filter(key -> !rows.contains(key)).collect(Collectors.toSet());
    }

    private Set<SessionKey> step() throws Exception {
        return comparison.step(() -> new HashSet<>(cached).iterator(), this::missing);
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
        rows.add(key("kept"));
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
        rows.add(key("late"));
        assertEquals(Set.of(), step());
        assertEquals(Set.of(), step());
    }

    @Test
    void sparesWhatWasMadeHereEvenWhenToldLate() throws Exception {
        cached.add(key("mine"));
        cached.add(key("mine-told-late"));
        MadeHere.add(key("mine"));
        comparison.request();
        step();
        MadeHere.add(key("mine-told-late"));
        assertEquals(Set.of(), step());
    }

    @Test
    void tellsOfflineAndClientSessionsApart() throws Exception {
        MadeHere.add(new SessionKey(false, "s", "web"));
        cached.add(new SessionKey(true, "s", "web"));
        cached.add(new SessionKey(false, "s", "other"));
        comparison.request();
        step();
        assertEquals(cached, step());
    }

    @Test
    void spreadsALargeRound() throws Exception {
        IntStream.range(0, 10_000).forEach(i -> cached.add(key("many" + i)));
        rows.addAll(cached);
        for (int round = 0; round < 2; round++) { // the first does not know yet how many there are
            comparison.request();
            int steps = 0;
            while (!comparison.idle()) {
                step();
                assertTrue(++steps <= 11, "all are compared within eleven passes");
            }
        }
        assertEquals(20_000, asked);
        assertTrue(mostAsked <= 1_250);
    }

    @Test
    void startsAgainAfterTheRunningRound() throws Exception {
        IntStream.range(0, 2_000).forEach(i -> cached.add(key("again" + i)));
        rows.addAll(cached);
        comparison.request();
        step();
        comparison.request();
        while (!comparison.idle()) {
            step();
        }
        assertEquals(4_000, asked);
    }

    @Test
    void hearsTheDriver() {
        assertTrue(comparison.idle());
        SessionComparison.requestFromAnyThread();
        assertFalse(comparison.idle());
    }
}
