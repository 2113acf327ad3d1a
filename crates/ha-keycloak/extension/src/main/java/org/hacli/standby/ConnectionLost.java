package org.hacli.standby;

import java.sql.SQLException;
import java.util.Set;

/**
 * The mark on a request's thread that a connection to the database broke under it: whatever Keycloak makes of that, an
 * "unknown error" or even a wrong reproach (that a password fails the policy), its client should ask again.
 */
final class ConnectionLost {

    /** PostgreSQL's "Error Codes": admin_shutdown, crash_shutdown, cannot_connect_now; and of class 08, any. */
    private static final Set<String> SHUTDOWN = Set.of("57P01", "57P02", "57P03");
    private static final String CONNECTION_EXCEPTION = "08";

    private static final ThreadLocal<Boolean> MARK = new ThreadLocal<>();

    private ConnectionLost() { }

    static boolean is(Throwable thrown) {
        String state = thrown instanceof SQLException e ? e.getSQLState() : null;
        return state != null && (state.startsWith(CONNECTION_EXCEPTION) || SHUTDOWN.contains(state));
    }

    /** On a request's thread only: elsewhere nobody would take the mark away, nor tell of it. */
    static void mark() {
        if (RequestThread.isCurrent()) {
            MARK.set(true);
        }
    }

    static boolean isMarked() {
        return MARK.get() != null;
    }

    /** Whether a connection broke under this thread since the last call; forgets it. */
    static boolean takeMark() {
        boolean marked = isMarked();
        MARK.remove();
        return marked;
    }

    /**
     * Whether it is the cause of what a request's thread is about to log; marks that thread, so that the request filter
     * tells of it instead. (Statements that need nothing of this extension are PostgreSQL's own: what breaks under these
     * shows here first.)
     */
    static boolean isCauseOf(Throwable thrown) {
        Throwable t = RequestThread.isCurrent() ? thrown : null;
        for (int depth = 0; t != null && depth < 30; depth++, t = t.getCause()) {
            if (is(t)) {
                mark();
                return true;
            }
        }
        return false;
    }
}
