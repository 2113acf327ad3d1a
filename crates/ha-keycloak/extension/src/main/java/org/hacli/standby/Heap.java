package org.hacli.standby;

import java.lang.management.ManagementFactory;
import java.lang.management.MemoryPoolMXBean;
import java.lang.management.MemoryType;
import java.lang.management.MemoryUsage;

/** How full the JVM's heap is. */
final class Heap {

    private Heap() { }

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
}
