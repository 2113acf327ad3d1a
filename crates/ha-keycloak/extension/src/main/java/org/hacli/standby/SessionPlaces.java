package org.hacli.standby;

import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;

/**
 * Which block of its table the row of each cached session was last seen in. The WAL names the block that a row was
 * deleted from, not the row: so only the few sessions of that block are looked up, and not all that are cached.
 *
 * <p>A row leaves its block by an UPDATE only, which the WAL tells, too. Of such a block everything is forgotten: what
 * has no known place is looked up with the next comparison.
 */
final class SessionPlaces {

    private record Place(Tables.Kind table, long block) { }

    private final Map<SessionKey, Place> where = new HashMap<>();
    private final Map<Place, Set<SessionKey>> sessions = new HashMap<>();

    private static Tables.Kind tableOf(SessionKey key) {
        return key.client() == null ? Tables.Kind.USER_SESSION : Tables.Kind.CLIENT_SESSION;
    }

    void put(SessionKey key, long block) {
        forget(key);
        Place place = new Place(tableOf(key), block);
        where.put(key, place);
        sessions.computeIfAbsent(place, p -> new HashSet<>()).add(key);
    }

    boolean knows(SessionKey key) {
        return where.containsKey(key);
    }

    Set<SessionKey> at(Tables.Kind table, long block) {
        return Set.copyOf(sessions.getOrDefault(new Place(table, block), Set.of()));
    }

    void forget(SessionKey key) {
        Place place = where.remove(key);
        if (place != null) {
            Set<SessionKey> there = sessions.get(place);
            there.remove(key);
            if (there.isEmpty()) {
                sessions.remove(place);
            }
        }
    }

    void forgetAt(Tables.Kind table, long block) {
        at(table, block).forEach(this::forget);
    }

    void clear() {
        where.clear();
        sessions.clear();
    }

    Set<SessionKey> known() {
        return where.keySet();
    }
}
