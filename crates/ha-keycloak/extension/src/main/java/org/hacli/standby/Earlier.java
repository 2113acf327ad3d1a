package org.hacli.standby;

import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;

/**
 * A snapshot from before the WAL that is looked at next: it still shows the rows that this WAL has deleted, with the deleting
 * transaction as their {@code xmax}, and so whose they were, which the WAL does not tell. It is a transaction of the follower's own
 * connection, ended before anything is asked that has to see the present, and begun again after that.
 *
 * <p>With {@code hot_standby_feedback} the primary keeps these rows for as long; it is begun anew before it is old.
 */
final class Earlier {

    private static final long OLD_NANOS = 1_000_000_000L;

    private final Connection connection;
    private boolean open;
    private long begun;

    Earlier(Connection connection) {
        this.connection = connection;
    }

    boolean isOpen() {
        return open;
    }

    boolean isOld() {
        return open && System.nanoTime() - begun > OLD_NANOS;
    }

    void begin() throws SQLException {
        if (open) {
            return;
        }
        execute("begin isolation level repeatable read read only");
        open = true;
        begun = System.nanoTime();
        execute("select 1"); // takes the snapshot
    }

    /** Back to the present. Of a transaction that has failed a COMMIT is a ROLLBACK. */
    void end() throws SQLException {
        if (open) {
            open = false;
            execute("commit");
        }
    }

    private void execute(String sql) throws SQLException {
        try (Statement statement = connection.createStatement()) {
            statement.execute(sql);
        }
    }
}
