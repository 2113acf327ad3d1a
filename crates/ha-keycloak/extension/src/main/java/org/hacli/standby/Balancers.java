package org.hacli.standby;

import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Who asks again and again whether this node takes writes, by address, and what each has been answered since a change was
 * told. Several balancers behind one address look like one: for them a time passes as well.
 */
final class Balancers {

    static final Balancers ALL = new Balancers();

    /** What HAProxy, as it is configured, takes for the truth: one answer that is good, two that are not. */
    static final int RISE = 1;
    static final int FALL = 2;

    /** Who has not asked for so long does not any more. */
    private static final long SILENT_NANOS = 3_000_000_000L;
    /** Its interval, with some room; a second answer that is not good comes a tenth of a second after the first. */
    private static final long INTERVAL_NANOS = 550_000_000L;
    private static final long AGAIN_NANOS = 150_000_000L;
    private static final int MOST = 64;

    /** The last answers to one address. */
    private static final class Asker {
        private final long[] times = new long[FALL];
        private int next;

        private void asked(long nanos) {
            times[next] = nanos;
            next = (next + 1) % times.length;
        }

        private long last() {
            return times[(next + times.length - 1) % times.length];
        }

        /** Whoever has asked once is a person, or has only just begun. */
        private boolean isBalancer() {
            long before = times[next];
            return before != 0 && last() - before <= SILENT_NANOS;
        }

        /** Of its last answers, how many were given since then. */
        private int since(long nanos) {
            int count = 0;
            for (long time : times) {
                count += time != 0 && time - nanos >= 0 ? 1 : 0;
            }
            return count;
        }
    }

    private final Map<String, Asker> askers = new LinkedHashMap<>();

    synchronized void asked(String address, long nanos) {
        forget(nanos);
        Asker asker = askers.get(address);
        if (asker == null && askers.size() < MOST) {
            asker = new Asker();
            askers.put(address, asker);
        }
        if (asker != null) {
            asker.asked(nanos);
        }
    }

    synchronized int size(long nanos) {
        forget(nanos);
        return (int) askers.values().stream().filter(Asker::isBalancer).count();
    }

    /** How many have had so many answers since then, and believe them. */
    synchronized int told(long since, int answers, long nanos) {
        forget(nanos);
        if (nanos - since < INTERVAL_NANOS + (answers - 1) * AGAIN_NANOS) {
            return 0;
        }
        return (int) askers.values().stream().filter(Asker::isBalancer)
                .filter(asker -> asker.since(since) >= answers).count();
    }

    private void forget(long nanos) {
        askers.values().removeIf(asker -> nanos - asker.last() > SILENT_NANOS);
    }
}
