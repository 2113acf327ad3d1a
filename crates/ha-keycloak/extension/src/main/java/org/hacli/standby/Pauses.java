package org.hacli.standby;

import java.util.concurrent.TimeUnit;

/** Longer and longer ones between tries that fail, from a second to a minute. */
final class Pauses {

    private static final long SHORTEST_NANOS = TimeUnit.SECONDS.toNanos(1);
    private static final long LONGEST_NANOS = TimeUnit.MINUTES.toNanos(1);

    private long pause;
    private long began;

    synchronized boolean isOver(long nanos) {
        return pause == 0 || nanos - began >= pause;
    }

    synchronized void failed(long nanos) {
        pause = Math.min(LONGEST_NANOS, Math.max(SHORTEST_NANOS, 2 * pause));
        began = nanos;
    }

    synchronized void succeeded() {
        pause = 0;
    }
}
