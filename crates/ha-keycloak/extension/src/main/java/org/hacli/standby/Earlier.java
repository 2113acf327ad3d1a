package org.hacli.standby;

import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import org.jboss.logging.Logger;

/**
 * A snapshot from before the WAL that is looked at next: it still shows the rows that this WAL has deleted, with the deleting
 * transaction as their {@code xmax}, and so whose they were, which the WAL does not tell.
 *
 * <p>Two sessions of their own take turns. What comes up to a position is looked at by the older snapshot, which was taken before the
 * position was read at which it begins; the younger one has been taken by then, for what comes after. With one session, what is
 * deleted while a pass is under way would be in no snapshot.
 *
 * <p>With {@code hot_standby_feedback} the primary keeps these rows for as long; a snapshot is not kept when it is old. Without
 * these sessions (they were refused, or ended) nothing is known of what was deleted.
 */
final class Earlier {

    private static final Logger LOG = Logger.getLogger("org.hacli.standby");

    private static final long OLD_NANOS = 1_000_000_000L;
    private static final long RETRY_NANOS = 5_000_000_000L;

    /** Makes a session. */
    @FunctionalInterface
    interface Sessions {
        Connection open() throws SQLException;
    }

    private final Sessions sessions;
    /** With the snapshot that is looked at; null: none. */
    private Connection older;
    private long olderSince;
    /** With the one for what comes after; null: not taken. */
    private Connection younger;
    private long youngerSince;
    /** Without one; null: to be made. */
    private Connection spare;
    private boolean failed;
    private long failedSince;

    Earlier(Sessions sessions) {
        this.sessions = sessions;
    }

    /** The session that shows what was there before; null: none does. */
    Connection session() {
        return older;
    }

    /**
     * Takes the one for what comes after a position, which is to be read once it has been taken; false: there is one already.
     *
     * @param moved the database had replayed something when it was last looked at: what has been made by it is in no snapshot yet
     */
    boolean take(boolean moved) {
        if (younger != null || older != null && !moved && System.nanoTime() - olderSince < OLD_NANOS
                || failed && System.nanoTime() - failedSince < RETRY_NANOS) {
            return false;
        }
        failed = false;
        try {
            if (spare == null) {
                spare = sessions.open();
            }
            execute(spare, "begin isolation level repeatable read read only; select 1"); // only the second takes it
            younger = spare;
            spare = null;
            youngerSince = System.nanoTime();
            return true;
        } catch (SQLException e) {
            lost(e);
            return false;
        }
    }

    /** What came up to the position has been looked at. */
    void turn() {
        if (younger == null) {
            return;
        }
        Connection done = older;
        older = younger;
        olderSince = youngerSince;
        younger = null;
        if (done != null) {
            try {
                execute(done, "commit");
                spare = done;
            } catch (SQLException e) {
                LOG.debug("a session with a snapshot has ended", e);
                abort(done);
            }
        }
    }

    /** A session could not be had, or did not do what it is for: others are made after a while. */
    void lost(SQLException why) {
        LOG.debugf("no snapshot from before: %s", why.getMessage());
        close();
        failed = true;
        failedSince = System.nanoTime();
    }

    void close() {
        abort(older);
        abort(younger);
        abort(spare);
        older = null;
        younger = null;
        spare = null;
    }

    private static void abort(Connection connection) {
        try {
            if (connection != null) {
                connection.abort(Runnable::run); // close() may wait for a server that is frozen
            }
        } catch (SQLException e) {
            LOG.debug("abort", e);
        }
    }

    private static void execute(Connection connection, String sql) throws SQLException {
        try (Statement statement = connection.createStatement()) {
            statement.execute(sql);
        }
    }
}
