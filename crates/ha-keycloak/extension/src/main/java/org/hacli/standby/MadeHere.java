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

    /** Forgets the sessions that no cache holds any more: ended, idled out, or evicted. */
    static void retain(Set<SessionKey> cached) {
        long now = System.nanoTime();
        KEYS.entrySet().removeIf(e -> now - e.getValue() > YOUNG_NANOS && !cached.contains(e.getKey()));
    }
}
