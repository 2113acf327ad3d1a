package org.hacli.standby;

import java.sql.SQLException;
import java.util.Optional;
import java.util.Set;
import java.util.logging.LogRecord;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * The mark on a request's thread that a connection to the database broke under it, or that a standby ended its query:
 * whatever Keycloak makes of that, an "unknown error" or even a wrong reproach (that a password fails the policy), its
 * client should ask again.
 */
final class ConnectionLost {

    /** PostgreSQL's "Error Codes": admin_shutdown, crash_shutdown, cannot_connect_now; and of class 08, any. */
    private static final Set<String> SHUTDOWN = Set.of("57P01", "57P02", "57P03");
    private static final String CONNECTION_EXCEPTION = "08";
    /** serialization_failure: Keycloak's isolation meets it in a recovery conflict only, when replay needs what a query holds. */
    private static final String RECOVERY_CONFLICT = "40001";

    private static final String BROKE = "its connection to the database broke";
    private static final String UNKNOWN = "its commit may be on this server's disk only";
    private static final String ENDED = "its query was in the way of the replay";

    private static final Pattern STATE = Pattern.compile("(?:.*SQLState: )?([0-9A-Z]{5})", Pattern.DOTALL);

    private static final ThreadLocal<String> MARK = new ThreadLocal<>();

    private ConnectionLost() { }

    static boolean is(Throwable thrown) {
        return thrown instanceof SQLException e && isState(e.getSQLState());
    }

    static boolean isRecoveryConflict(Throwable thrown) {
        return thrown instanceof SQLException e && RECOVERY_CONFLICT.equals(e.getSQLState());
    }

    private static boolean isState(String state) {
        return state != null && (state.startsWith(CONNECTION_EXCEPTION) || SHUTDOWN.contains(state)
                || state.equals(RECOVERY_CONFLICT));
    }

    /** On a request's thread only: elsewhere nobody would take the mark away, nor tell of it. */
    static void mark(String sqlState) {
        if (RequestThread.isCurrent() && !isMarked()) {
            MARK.set(RECOVERY_CONFLICT.equals(sqlState) ? ENDED : CommitUnknown.SQL_STATE.equals(sqlState) ? UNKNOWN : BROKE);
        }
    }

    /** Whether something is written that may be lost: its client must look before it asks again. */
    static boolean isOutcomeUnknown() {
        return UNKNOWN.equals(MARK.get());
    }

    static boolean isMarked() {
        return MARK.get() != null;
    }

    /** What has happened to this thread's work in the database since the last call, in words; null: nothing. Forgets it. */
    static String takeMark() {
        String marked = MARK.get();
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
            if (t instanceof SQLException e && is(e)) {
                mark(e.getSQLState());
                return true;
            }
        }
        return false;
    }

    /** Whether a line of Hibernate's, on a request's thread, names its SQLState; marks that thread, as {@link #isCauseOf}. */
    static boolean isToldBy(LogRecord record) {
        if (!RequestThread.isCurrent()) {
            return false;
        }
        Stream<?> texts = Stream.concat(Stream.of(record.getMessage()),
                Stream.of(record.getParameters() == null ? new Object[0] : record.getParameters()));
        Optional<String> told = texts.filter(String.class::isInstance).map(text -> STATE.matcher((String) text))
                .filter(Matcher::matches).map(matcher -> matcher.group(1)).filter(ConnectionLost::isState).findFirst();
        told.ifPresent(ConnectionLost::mark);
        return told.isPresent();
    }
}
