package org.hacli.standby;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.Collection;
import java.util.HashSet;
import java.util.Iterator;
import java.util.List;
import java.util.Set;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Supplier;

/**
 * Finds cached sessions that have no row any more: they were ended on the primary. Sessions made here never had one
 * and are spared. Only what two look-ups in a row have missed is removed: Keycloak may write to its cache before the
 * INSERT that tells the driver "made here".
 *
 * <p>All cached sessions are compared within about {@link #ROUND_STEPS} passes, a part in each.
 */
final class SessionComparison {

    private static final int ROUND_STEPS = 8;
    private static final int AT_LEAST = 1_000;

    /** What is left of the running round; null: none is running. */
    private Iterator<SessionKey> round;
    /** The keys of the running round; of the last one, their number sizes the parts of the next. */
    private Set<SessionKey> seen = new HashSet<>();
    private Set<SessionKey> missedOnce = new HashSet<>();
    private int perStep;
    private boolean again;

    private static final AtomicBoolean REQUESTED = new AtomicBoolean();

    /** For the driver, which does not know the one that is running. */
    static void requestFromAnyThread() {
        REQUESTED.set(true);
    }

    /** Something was deleted: compare everything, starting now, or after the running round. */
    void request() {
        again = true;
    }

    boolean idle() {
        again |= REQUESTED.getAndSet(false);
        return !again && round == null && missedOnce.isEmpty();
    }

    /** Which sessions of a set have no row. */
    interface Rows {
        Set<SessionKey> missing(Collection<SessionKey> sessions) throws SQLException;
    }

    /** One pass. Returns what must be removed from the caches. */
    Set<SessionKey> step(Supplier<Iterator<SessionKey>> cached, Rows rows) throws SQLException {
        if (round == null && again) {
            again = false;
            round = cached.get();
            perStep = Math.max(AT_LEAST, (seen.size() + ROUND_STEPS - 1) / ROUND_STEPS);
            seen = new HashSet<>(seen.size() * 2);
        }
        Set<SessionKey> asked = new HashSet<>(missedOnce);
        for (int i = 0; round != null && i < perStep; i++) {
            if (!round.hasNext()) {
                round = null;
                MadeHere.retain(seen);
            } else {
                SessionKey key = round.next();
                if (key != null && seen.add(key) && !MadeHere.contains(key)) {
                    asked.add(key);
                }
            }
        }
        if (asked.isEmpty()) {
            return Set.of();
        }
        Set<SessionKey> missing = new HashSet<>(rows.missing(asked));
        missing.removeIf(MadeHere::contains);
        Set<SessionKey> gone = new HashSet<>(missing);
        gone.retainAll(missedOnce);
        missing.removeAll(gone);
        missedOnce = missing;
        return gone;
    }

    private static final String MISSING_USER_SESSIONS = """
            select k from unnest(?) k
             where not exists (select from "%s".offline_user_session s
                    where s.user_session_id = k and s.offline_flag = ?)""";
    private static final String MISSING_CLIENT_SESSIONS = """
            select k, c from unnest(?, ?) u(k, c)
             where not exists (select from "%s".offline_client_session s
                    where s.user_session_id = k and s.offline_flag = ?
                      and c = case when s.client_id = 'external'
                              then 'f:' || s.client_storage_provider || ':' || s.external_client_id
                              else s.client_id end)""";

    /** Those without a row. The server looks each up by its index, and sends back only what is missing. */
    static Set<SessionKey> missing(Connection connection, String schema, Collection<SessionKey> sessions)
            throws SQLException {
        Set<SessionKey> out = new HashSet<>();
        for (boolean offline : new boolean[] {false, true}) {
            List<SessionKey> users = sessions.stream()
                    .filter(key -> key.offline() == offline && key.client() == null).toList();
            List<SessionKey> clients = sessions.stream()
                    .filter(key -> key.offline() == offline && key.client() != null).toList();
            select(connection, MISSING_USER_SESSIONS.formatted(schema), users, false, offline, out);
            select(connection, MISSING_CLIENT_SESSIONS.formatted(schema), clients, true, offline, out);
        }
        return out;
    }

    private static void select(Connection connection, String sql, List<SessionKey> keys, boolean clients,
                               boolean offline, Set<SessionKey> out) throws SQLException {
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
                    out.add(new SessionKey(offline, row.getString(1), clients ? row.getString(2) : null));
                }
            }
        }
    }
}
