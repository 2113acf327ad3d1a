package org.hacli.standby;

import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.jboss.logging.Logger;

/** Work through Keycloak's own pool of connections, which the poller must not wait for. */
final class Aside {

    private static final Logger LOG = Logger.getLogger("org.hacli.standby");
    private static final Set<String> UNDER_WAY = ConcurrentHashMap.newKeySet();

    private Aside() { }

    static void run(String name, Runnable work) {
        Thread thread = new Thread(() -> {
            try {
                work.run();
            } catch (RuntimeException | LinkageError e) {
                LOG.debugf(e, "%s failed", name);
            }
        }, "ha-standby-" + name);
        thread.setDaemon(true);
        thread.start();
    }

    /** The same, unless work of that name is under way. */
    static void runOne(String name, Runnable work) {
        if (UNDER_WAY.add(name)) {
            run(name, () -> {
                try {
                    work.run();
                } finally {
                    UNDER_WAY.remove(name);
                }
            });
        }
    }
}
