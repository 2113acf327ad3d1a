package org.hacli.standby;

import java.util.List;
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

    private record Made(long nanoTime, String user) { }

    private static final Map<SessionKey, Made> KEYS = new ConcurrentHashMap<>();

    private MadeHere() { }

    /** @param user of a user session; null where it is not known, or for a client session */
    static void add(SessionKey key, String user) {
        KEYS.put(key, new Made(System.nanoTime(), user));
    }

    /** The ids of a user's sessions. */
    static List<String> of(String user) {
        return KEYS.entrySet().stream().filter(made -> user.equals(made.getValue().user))
                .map(made -> made.getKey().userSession()).toList();
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
        KEYS.computeIfPresent(key, (k, made) -> absentNanos - made.nanoTime > YOUNG_NANOS ? null : made);
    }
}
