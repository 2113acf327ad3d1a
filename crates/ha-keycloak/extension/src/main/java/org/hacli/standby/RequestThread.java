package org.hacli.standby;

/** Keycloak works on requests in Quarkus' executor; what else there is, timers and start-up, has threads of other names. */
final class RequestThread {

    private static final String PREFIX = "executor-thread-";

    private RequestThread() { }

    static boolean isCurrent() {
        return Thread.currentThread().getName().startsWith(PREFIX);
    }
}
