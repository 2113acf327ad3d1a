package org.hacli.standby;

import java.lang.management.ManagementFactory;
import java.lang.management.MemoryPoolMXBean;
import java.lang.management.MemoryType;
import java.lang.management.MemoryUsage;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.concurrent.TimeUnit;

/**
 * Tells how full the heap is, where the database's monitors see it and nobody else: in the name of the poller's own session
 * ({@code pg_stat_activity.application_name}). A standby takes that, too.
 */
final class Heap {

    static final String APPLICATION = "keycloak-ha-standby";

    private static final long BETWEEN_NANOS = TimeUnit.SECONDS.toNanos(5);

    private int told = -1;
    private long toldAt = System.nanoTime() - BETWEEN_NANOS;

    /** Percent of the largest heap that the last collection of each pool has left; -1 before there was one. */
    static int percentAfterCollection() {
        long used = 0;
        for (MemoryPoolMXBean pool : ManagementFactory.getMemoryPoolMXBeans()) {
            // Not what is used now: a JVM fills its heap before it cleans it.
            MemoryUsage left = pool.getType() == MemoryType.HEAP ? pool.getCollectionUsage() : null;
            used += left == null ? 0 : left.getUsed();
        }
        return used == 0 ? -1 : (int) Math.min(100, used * 100 / Runtime.getRuntime().maxMemory());
    }

    /** Tells it over that connection, if it is time and something new. */
    void tell(Connection connection) throws SQLException {
        if (System.nanoTime() - toldAt < BETWEEN_NANOS) {
            return;
        }
        toldAt = System.nanoTime();
        int percent = percentAfterCollection();
        if (percent < 0 || percent == told) {
            return;
        }
        try (Statement statement = connection.createStatement()) {
            statement.execute("set application_name = '" + APPLICATION + " heap=" + percent + "%'");
        }
        told = percent;
    }
}
