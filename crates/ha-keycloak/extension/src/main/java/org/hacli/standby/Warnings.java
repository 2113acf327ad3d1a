package org.hacli.standby;

import org.jboss.logging.Logger;

/** Warnings of something that may last: each text once, then again only after a while. */
final class Warnings {

    private static final Logger LOG = Logger.getLogger("org.hacli.standby");
    private static final long AGAIN_NANOS = 300_000_000_000L;

    private long lastTime;
    private boolean any;

    void warn(String text) {
        long now = System.nanoTime();
        if (!any || now - lastTime > AGAIN_NANOS) {
            any = true;
            lastTime = now;
            LOG.warn(text);
        } else {
            LOG.debug(text);
        }
    }
}
