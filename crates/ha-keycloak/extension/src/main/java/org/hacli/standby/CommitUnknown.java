package org.hacli.standby;

import java.sql.SQLNonTransientConnectionException;
import java.sql.SQLWarning;
import org.postgresql.util.PSQLWarning;
import org.postgresql.util.ServerErrorMessage;

/**
 * A commit that is on this server's disk, while nobody knows whether a standby has it. A COMMIT that waits for its standby
 * and is cancelled ends as one that has succeeded, with nothing but a warning ("canceling wait for synchronous
 * replication"): to acknowledge that would be to promise what the loss of this one disk takes back.
 */
final class CommitUnknown extends SQLNonTransientConnectionException {

    static final String SQL_STATE = "08007"; // transaction_resolution_unknown

    private static final String WARNING = "01000";
    /** The message itself is in the server's language ({@code lc_messages}). */
    private static final String ROUTINE = "SyncRepWaitForLSN";

    private CommitUnknown(SQLWarning warning) {
        super("the transaction is committed on this server, but its wait for the standby was cancelled: whether it outlives"
                + " this server is not known", SQL_STATE, warning);
    }

    /** @param warnings of a COMMIT, or of a statement that was one; null: none */
    static CommitUnknown toldBy(SQLWarning warnings) {
        for (SQLWarning warning = warnings; warning != null; warning = warning.getNextWarning()) {
            if (isOfTheWait(warning)) {
                return new CommitUnknown(warning);
            }
        }
        return null;
    }

    /** A warning of that class from nobody knows where counts, too: a proxy may have dropped where it came from. */
    private static boolean isOfTheWait(SQLWarning warning) {
        if (!(warning instanceof PSQLWarning ofServer) || !WARNING.equals(warning.getSQLState())) {
            return false;
        }
        ServerErrorMessage message = ofServer.getServerErrorMessage();
        return message == null || message.getRoutine() == null || message.getRoutine().equals(ROUTINE);
    }
}
