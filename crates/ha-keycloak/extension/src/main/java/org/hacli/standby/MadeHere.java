package org.hacli.standby;

import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/**
 * The sessions made on this node while it was a standby. They have no row: they exist in this process's caches only,
 * and must be told from sessions made on the primary whose row has been deleted since.
 */
final class MadeHere {

    /** How long a session is spared before it must have appeared in a cache. */
    private static final long YOUNG_NANOS = 60_000_000_000L;

    private static final Map<SessionKey, Long> KEYS = new ConcurrentHashMap<>();

    private MadeHere() { }

    static void add(SessionKey key) {
        KEYS.put(key, System.nanoTime());
    }

    static boolean contains(SessionKey key) {
        return KEYS.containsKey(key);
    }

    static int size() {
        return KEYS.size();
    }

    static Set<SessionKey> keys() {
        return KEYS.keySet();
    }

    /** Forgets one that no cache held at that time: it was ended, idled out, or evicted. */
    static void forget(SessionKey key, long absentNanos) {
        KEYS.computeIfPresent(key, (k, made) -> absentNanos - made > YOUNG_NANOS ? null : made);
    }
}
