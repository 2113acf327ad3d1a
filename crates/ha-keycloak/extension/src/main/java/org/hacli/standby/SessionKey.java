package org.hacli.standby;

/**
 * The identity of a session's row.
 *
 * @param client the client of a client session as the caches name it (a UUID, or {@code f:provider:id} for a client
 *               from a storage provider); null for a user session
 */
record SessionKey(boolean offline, String userSession, String client) {

    private static final String EXTERNAL = "external";

    static SessionKey user(boolean offline, String id) {
        return new SessionKey(offline, id, null);
    }

    /** From the columns of {@code offline_client_session}. */
    static SessionKey client(boolean offline, String userSession, String clientId, String storageProvider,
                             String externalId) {
        String client = EXTERNAL.equals(clientId) ? "f:" + storageProvider + ":" + externalId : clientId;
        return new SessionKey(offline, userSession, client);
    }
}
