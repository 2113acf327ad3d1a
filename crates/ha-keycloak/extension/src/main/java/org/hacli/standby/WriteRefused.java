package org.hacli.standby;

import java.sql.SQLException;

/** A write that this node refused, and the mark on the request's thread that it did. */
final class WriteRefused extends SQLException {

    static final String SQL_STATE = "25006"; // read_only_sql_transaction
    private static final String PREFIX = "read-only node, its database is a hot standby: refused ";
    private static final int FAILED = 400; // the first status of those that are no success
    /** Whether it decides on the request in any case, or only on one that failed. */
    private static final ThreadLocal<Boolean> MARK = new ThreadLocal<>();
    /** Whether a client session was to be deleted. */
    private static final ThreadLocal<Boolean> OF_CLIENT_SESSION = new ThreadLocal<>();

    /** Names the kind and the table, never a value: the message reaches logs. */
    WriteRefused(Sql sql) {
        super(PREFIX + sql.kind() + (sql.table() == null ? "" : " on " + sql.table()), SQL_STATE);
        if (sql.kind() == Sql.Kind.DELETE && "offline_client_session".equals(sql.table())) {
            OF_CLIENT_SESSION.set(true);
        }
        if (!Forgiven.isPossible(sql)) {
            mark();
        } else if (!isMarked()) {
            MARK.set(false);
        }
    }

    /** Something else that would leave a write to be done. */
    WriteRefused(String what) {
        super(PREFIX + what, SQL_STATE);
        mark();
    }

    /** Has the request filter answer for this thread's request, whatever Keycloak makes of it. */
    static void mark() {
        MARK.set(true);
    }

    static boolean isMarked() {
        return MARK.get() != null;
    }

    /** Whether it was the end of a client session. */
    static boolean isOfClientSession() {
        return OF_CLIENT_SESSION.get() != null;
    }

    /** Whether the request of this thread is to be answered as refused, where Keycloak answers it with that status. */
    static boolean decidesOn(int status) {
        Boolean mark = MARK.get();
        return mark != null && (mark || status >= FAILED);
    }

    /** Whether this thread ran into a refused write since the last call; forgets it. */
    static boolean takeMark() {
        boolean marked = MARK.get() != null;
        MARK.remove();
        OF_CLIENT_SESSION.remove();
        return marked;
    }

    static boolean isCauseOf(Throwable thrown) {
        Throwable t = thrown;
        for (int depth = 0; t != null && depth < 30; depth++, t = t.getCause()) {
            if (t instanceof WriteRefused) {
                return true;
            }
            for (Throwable suppressed : t.getSuppressed()) {
                if (suppressed instanceof WriteRefused) {
                    return true;
                }
            }
        }
        return false;
    }

    static boolean isMessage(String text) {
        return text != null && (text.contains(PREFIX) || text.contains("SQLState: " + SQL_STATE));
    }
}
