package org.hacli.standby;

import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Client sessions of the primary whose refresh token was used once too often on this read-only node. Keycloak ends such a one,
 * since its token may be stolen, and that is refused here; with it goes what Keycloak had counted, and the same token would be
 * good again. So all of its refresh tokens are refused on this node from then on, whoever has the newest. Pure.
 */
final class Reused {

    private static final int MOST = 10_000;

    static final Reused ALL = new Reused();

    /** @param issued when the token was made, in seconds */
    record Token(String session, String client, long issued) {

        private String key() {
            return session + ' ' + client;
        }
    }

    private final Map<String, Long> until = new LinkedHashMap<>() {
        @Override
        protected boolean removeEldestEntry(Map.Entry<String, Long> eldest) {
            return size() > MOST;
        }
    };

    synchronized void add(Token token, long nowSeconds) {
        until.put(token.key(), nowSeconds);
    }

    /** A token that is younger than the reuse comes from a login since, or from the primary. */
    synchronized boolean contains(Token token) {
        Long seconds = until.get(token.key());
        return seconds != null && token.issued <= seconds;
    }
}
