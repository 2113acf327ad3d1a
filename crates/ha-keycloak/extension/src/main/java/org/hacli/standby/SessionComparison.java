package org.hacli.standby;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Iterator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Supplier;

/**
 * Finds cached sessions that have no row any more: they were ended on the primary. Sessions made here never had one
 * and are spared. Only what two look-ups in a row have missed is removed: Keycloak may write to its cache before the
 * INSERT that tells the driver "made here".
 *
 * <p>After a deletion those are looked up whose row was in that block, at once, and those whose row's place is not
 * known, within about {@link #ROUND_STEPS} passes. Meanwhile places are learnt, a few in each pass.
 */
final class SessionComparison {

    private static final int ROUND_STEPS = 8;
    private static final int AT_LEAST = 1_000;
    /** After so many passes without anything to do, the places of newly cached sessions are learnt. */
    private static final int LEARN_AFTER = 50;
    private static final int LEARN_PER_STEP = 250;

    private final SessionPlaces places = new SessionPlaces();
    /** What is left of the running round; null: none is running. */
    private Iterator<SessionKey> round;
    private boolean learning;
    private int idlePasses;
    /** The keys of the running round; of the last one, their number sizes the parts of the next. */
    private Set<SessionKey> seen = new HashSet<>();
    private Set<SessionKey> missedOnce = new HashSet<>();
    /** Their rows were where something has been deleted. */
    private final Set<SessionKey> suspects = new LinkedHashSet<>();
    private int perStep;
    private boolean again;
    private final Sweep sweep = new Sweep();

    private static final AtomicBoolean REQUESTED = new AtomicBoolean();

    /** For the driver, which does not know the one that is running. */
    static void requestFromAnyThread() {
        REQUESTED.set(true);
    }

    /** Anything may have happened: compare everything, starting now, or after the running round. */
    void request() {
        places.clear();
        compareUnknown();
    }

    private void compareUnknown() {
        again = true;
        if (learning) {
            round = null;
            learning = false;
        }
    }

    /** A row was deleted from that block. To be told after all {@link #moved} of the same pass. */
    void deleted(Tables.Kind table, long block) {
        suspects.addAll(places.at(table, block));
        compareUnknown();
    }

    /** A row of that block may be in another one by now, or one from elsewhere here. */
    void moved(Tables.Kind table, long block) {
        places.forgetAt(table, block);
    }

    /** Whether there is nothing to do in this pass. */
    boolean idle() {
        if (REQUESTED.getAndSet(false)) {
            compareUnknown();
        }
        if (again || round != null || !missedOnce.isEmpty() || !suspects.isEmpty() || sweep.isUnderWay()) {
            idlePasses = 0;
            return false;
        }
        if (++idlePasses < LEARN_AFTER) {
            return true;
        }
        idlePasses = 0;
        again = true;
        learning = true;
        return false;
    }

    /** Looks sessions up: the block of each row that is there. */
    interface Rows {
        Map<SessionKey, Long> blocks(Collection<SessionKey> sessions) throws SQLException;
    }

    private static int part(int all) {
        return Math.max(AT_LEAST, (all + ROUND_STEPS - 1) / ROUND_STEPS);
    }

    /** One pass. Returns what must be removed from the caches. */
    Set<SessionKey> step(Supplier<Iterator<SessionKey>> cached, Rows rows) throws SQLException {
        if (round == null && again) {
            again = false;
            round = cached.get();
            perStep = part(seen.size());
            seen = new HashSet<>(seen.size() * 2);
        }
        sweep.step();
        boolean learns = learning;
        int most = learns ? LEARN_PER_STEP : perStep;
        Set<SessionKey> asked = new HashSet<>(missedOnce);
        for (Iterator<SessionKey> next = suspects.iterator(); next.hasNext() && asked.size() < AT_LEAST; next.remove()) {
            asked.add(next.next());
        }
        int lookedAt = 0;
        while (round != null && lookedAt++ < perStep && asked.size() < most) {
            if (!round.hasNext()) {
                round = null;
                learning = false;
                sweep.begin(seen);
            } else {
                SessionKey key = round.next();
                if (key != null && seen.add(key) && !places.knows(key) && !MadeHere.contains(key)) {
                    asked.add(key);
                }
            }
        }
        if (asked.isEmpty()) {
            return Set.of();
        }
        Map<SessionKey, Long> found = rows.blocks(asked);
        Set<SessionKey> missing = new HashSet<>(asked);
        missing.removeAll(found.keySet());
        found.forEach(places::put);
        missing.forEach(places::forget);
        if (learns) {
            return Set.of(); // nothing was deleted: what has no row is about to be "made here"
        }
        missing.removeIf(MadeHere::contains);
        Set<SessionKey> gone = new HashSet<>(missing);
        gone.retainAll(missedOnce);
        missing.removeAll(gone);
        missedOnce = missing;
        return gone;
    }

    /** Forgets what is known of sessions that no cache holds any more: a part in each pass, as the rounds. */
    private final class Sweep {

        private Set<SessionKey> cached;
        private long since;
        private int most;
        private Iterator<SessionKey> rest = Collections.emptyIterator();

        boolean isUnderWay() {
            return rest.hasNext();
        }

        /** After a round, with all that it saw; not before the running one has come to its end. */
        void begin(Set<SessionKey> all) {
            if (!isUnderWay()) {
                cached = all;
                since = System.nanoTime();
                List<SessionKey> known = new ArrayList<>(places.known());
                known.addAll(MadeHere.keys());
                rest = known.iterator();
                most = part(known.size());
            }
        }

        void step() {
            for (int i = 0; i < most && rest.hasNext(); i++) {
                SessionKey key = rest.next();
                if (!cached.contains(key)) {
                    places.forget(key);
                    MadeHere.forget(key, since);
                }
            }
            if (!rest.hasNext()) {
                cached = null;
            }
        }
    }

    private static final String USER_SESSIONS = """
            select split_part(s.ctid::text, ',', 1), k
              from unnest(?) k join "%s".offline_user_session s
                on s.user_session_id = k and s.offline_flag = ?""";
    private static final String CLIENT_SESSIONS = """
            select split_part(s.ctid::text, ',', 1), k, c
              from unnest(?, ?) u(k, c) join "%s".offline_client_session s
                on s.user_session_id = k and s.offline_flag = ?
               and c = case when s.client_id = 'external'
                       then 'f:' || s.client_storage_provider || ':' || s.external_client_id
                       else s.client_id end""";

    /** The server looks each up by its index. */
    static Map<SessionKey, Long> blocks(Connection connection, String schema, Collection<SessionKey> sessions)
            throws SQLException {
        Map<SessionKey, Long> out = new HashMap<>();
        for (boolean offline : new boolean[] {false, true}) {
            List<SessionKey> users = sessions.stream()
                    .filter(key -> key.offline() == offline && key.client() == null).toList();
            List<SessionKey> clients = sessions.stream()
                    .filter(key -> key.offline() == offline && key.client() != null).toList();
            select(connection, USER_SESSIONS.formatted(schema), users, false, offline, out);
            select(connection, CLIENT_SESSIONS.formatted(schema), clients, true, offline, out);
        }
        return out;
    }

    private static void select(Connection connection, String sql, List<SessionKey> keys, boolean clients,
                               boolean offline, Map<SessionKey, Long> out) throws SQLException {
        if (keys.isEmpty()) {
            return;
        }
        try (PreparedStatement select = connection.prepareStatement(sql)) {
            int i = 1;
            select.setArray(i++, connection.createArrayOf("varchar",
                    keys.stream().map(SessionKey::userSession).toArray()));
            if (clients) {
                select.setArray(i++, connection.createArrayOf("varchar",
                        keys.stream().map(SessionKey::client).toArray()));
            }
            select.setString(i, offline ? "1" : "0");
            try (ResultSet row = select.executeQuery()) {
                while (row.next()) {
                    // A row's place is shown as (block,item).
                    out.put(new SessionKey(offline, row.getString(2), clients ? row.getString(3) : null),
                            Long.parseLong(row.getString(1).substring(1)));
                }
            }
        }
    }
}
