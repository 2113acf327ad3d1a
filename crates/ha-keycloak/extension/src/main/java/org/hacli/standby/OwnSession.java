package org.hacli.standby;

import org.keycloak.models.UserSessionModel;

/**
 * Who may end a session on a read-only node: only one that was {@link MadeHere} can be. The row of any other stays, and the
 * request will be refused, but only once Keycloak has told the session's clients that they are logged out.
 */
final class OwnSession {

    private OwnSession() { }

    /** False: the request is answered as refused, and its clients must not be told. */
    static boolean orRefuse(UserSessionModel session) {
        if (Role.settled() != Role.Mode.READ_ONLY
                || MadeHere.contains(SessionKey.user(session.isOffline(), session.getId()))) {
            return true;
        }
        WriteRefused.mark();
        return false;
    }
}
