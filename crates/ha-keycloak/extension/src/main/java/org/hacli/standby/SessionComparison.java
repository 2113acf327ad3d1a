package org.hacli.standby;

import java.sql.Array;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.ArrayDeque;
import java.util.Collection;
import java.util.Deque;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Supplier;

/**
 * Finds cached sessions that have no row any more: they were ended on the primary. Sessions made here never had one
 * and are spared. Only what two look-ups in a row have missed is removed: Keycloak may write to its cache before the
 * INSERT that tells the driver "made here".
 *
 * <p>All cached sessions are compared within {@link #ROUND_STEPS} passes, a part in each.
 */
final class SessionComparison {

    private static final int ROUND_STEPS = 4;

    private final Deque<SessionKey> queue = new ArrayDeque<>();
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
        return !again && queue.isEmpty() && missedOnce.isEmpty();
    }

    /** Which sessions of a set have a row. */
    interface Rows {
        Set<SessionKey> existing(Collection<SessionKey> sessions) throws SQLException;
    }

    /** One pass. Returns what must be removed from the caches. */
    Set<SessionKey> step(Supplier<Set<SessionKey>> cached, Rows rows) throws SQLException {
        if (queue.isEmpty() && again) {
            again = false;
            Set<SessionKey> all = cached.get();
            MadeHere.retain(all);
            all.removeIf(MadeHere::contains);
            queue.addAll(all);
            perStep = Math.max(500, (all.size() + ROUND_STEPS - 1) / ROUND_STEPS);
        }
        Set<SessionKey> asked = new HashSet<>(missedOnce);
        for (int i = 0; i < perStep && !queue.isEmpty(); i++) {
            asked.add(queue.poll());
        }
        if (asked.isEmpty()) {
            return Set.of();
        }
        Set<SessionKey> missing = new HashSet<>(asked);
        missing.removeAll(rows.existing(asked));
        missing.removeIf(MadeHere::contains);
        Set<SessionKey> gone = new HashSet<>(missing);
        gone.retainAll(missedOnce);
        missing.removeAll(gone);
        missedOnce = missing;
        return gone;
    }

    static Set<SessionKey> existing(Connection connection, String schema, Collection<SessionKey> sessions)
            throws SQLException {
        Set<SessionKey> out = new HashSet<>();
        for (boolean offline : new boolean[] {false, true}) {
            Set<String> users = new HashSet<>();
            Set<String> clients = new HashSet<>();
            for (SessionKey session : sessions) {
                if (session.offline() == offline) {
                    (session.client() == null ? users : clients).add(session.userSession());
                }
            }
            String flag = offline ? "1" : "0";
            select(connection, "select user_session_id from \"" + schema + "\".offline_user_session"
                    + " where user_session_id = any(?) and offline_flag = ?", users, flag,
                    row -> out.add(SessionKey.user(offline, row.getString(1))));
            select(connection, "select user_session_id, client_id, client_storage_provider, external_client_id from \""
                    + schema + "\".offline_client_session where user_session_id = any(?) and offline_flag = ?", clients,
                    flag, row -> out.add(SessionKey.client(offline, row.getString(1), row.getString(2),
                            row.getString(3), row.getString(4))));
        }
        return out;
    }

    private interface RowReader {
        void read(ResultSet row) throws SQLException;
    }

    private static void select(Connection connection, String sql, Set<String> ids, String flag, RowReader reader)
            throws SQLException {
        if (ids.isEmpty()) {
            return;
        }
        Array array = connection.createArrayOf("varchar", List.copyOf(ids).toArray());
        try (PreparedStatement select = connection.prepareStatement(sql)) {
            select.setArray(1, array);
            select.setString(2, flag);
            select.setFetchSize(0);
            try (ResultSet row = select.executeQuery()) {
                while (row.next()) {
                    reader.read(row);
                }
            }
        } finally {
            array.free();
        }
    }
}
