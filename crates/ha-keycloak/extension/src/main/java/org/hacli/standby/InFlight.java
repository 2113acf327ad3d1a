package org.hacli.standby;

import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;

/** The requests that Keycloak works on. */
final class InFlight {

    /** One that has begun so long ago has been given up by its client, or its end was missed. */
    private static final long LONGEST_NANOS = 60_000_000_000L;

    private static final AtomicLong LAST = new AtomicLong();
    private static final Map<Long, Long> BEGUN = new ConcurrentHashMap<>();

    private InFlight() { }

    /** Returns what {@link #ended} takes. */
    static Long begun(long nanos) {
        Long ticket = LAST.incrementAndGet();
        BEGUN.put(ticket, nanos);
        return ticket;
    }

    static void ended(Object ticket) {
        if (ticket instanceof Long number) {
            BEGUN.remove(number);
        }
    }

    static int count(long nanos) {
        BEGUN.values().removeIf(begun -> nanos - begun > LONGEST_NANOS);
        return BEGUN.size();
    }
}
