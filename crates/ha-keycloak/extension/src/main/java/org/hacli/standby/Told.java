package org.hacli.standby;

import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.concurrent.TimeUnit;

/**
 * Tells how this Keycloak is, where the database's monitors see it and nobody else: in the name of the poller's own session
 * ({@code pg_stat_activity.application_name}). A standby takes that, too.
 */
final class Told {

    static final String APPLICATION = "keycloak-ha-standby";

    private static final long BETWEEN_NANOS = TimeUnit.SECONDS.toNanos(5);

    private String told = APPLICATION;
    private boolean readWal = true;
    private long toldAt = System.nanoTime() - BETWEEN_NANOS;

    /** What is told: nothing of what is well, and no heap before it was collected once. */
    static String text(boolean readsWal, int heapPercent) {
        return APPLICATION + (readsWal ? "" : " wal=unread") + (heapPercent < 0 ? "" : " heap=" + heapPercent + "%");
    }

    /** Tells it over that connection, if it is something new, and as to the heap not too often. */
    void tell(Connection connection, boolean readsWal) throws SQLException {
        if (readsWal == readWal && System.nanoTime() - toldAt < BETWEEN_NANOS) {
            return;
        }
        toldAt = System.nanoTime();
        readWal = readsWal;
        String text = text(readsWal, Heap.percentAfterCollection());
        if (text.equals(told)) {
            return;
        }
        try (Statement statement = connection.createStatement()) {
            statement.execute("set application_name = '" + text + "'");
        }
        told = text;
    }
}
