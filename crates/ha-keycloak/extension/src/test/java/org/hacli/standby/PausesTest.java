package org.hacli.standby;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class PausesTest {

    private static final long SECOND = TimeUnit.SECONDS.toNanos(1);

    private final Pauses pauses = new Pauses();

    @Test
    void growToAMinute() {
        long now = -5 * SECOND; // nanoTime may be less than nothing
        assertTrue(pauses.isOver(now));
        for (long seconds : new long[] {1, 2, 4, 8, 16, 32, 60, 60}) {
            pauses.failed(now);
            assertFalse(pauses.isOver(now + seconds * SECOND - 1), seconds + " s");
            now += seconds * SECOND;
            assertTrue(pauses.isOver(now), seconds + " s");
        }
        pauses.succeeded();
        assertTrue(pauses.isOver(now));
        pauses.failed(now);
        assertTrue(pauses.isOver(now + SECOND));
    }
}
