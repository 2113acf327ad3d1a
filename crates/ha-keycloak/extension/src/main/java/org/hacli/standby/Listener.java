package org.hacli.standby;

import org.keycloak.events.Event;
import org.keycloak.events.EventListenerProvider;
import org.keycloak.events.EventType;
import org.keycloak.events.admin.AdminEvent;
import org.keycloak.models.KeycloakSession;
import org.keycloak.models.RealmModel;

/** Hears of lock-outs where they are decided, and of what lifts them where that is done: see {@link LockOuts}. */
final class Listener implements EventListenerProvider {

    private final KeycloakSession session;

    Listener(KeycloakSession session) {
        this.session = session;
    }

    @Override
    public void onEvent(Event event) {
        if (event.getType() == EventType.USER_DISABLED_BY_PERMANENT_LOCKOUT) {
            LockOuts.decided(event.getRealmId(), event.getUserId());
        } else {
            unlocked(event.getRealmId(), Unlocks.by(event));
        }
    }

    @Override
    public void onEvent(AdminEvent event, boolean includeRepresentation) {
        unlocked(event.getRealmId(), Unlocks.by(event));
        if (Unlocks.all(event) && Role.settled() == Role.Mode.READ_WRITE) {
            UnlockMark.leave(session, UnlockMark.ofAll(event.getRealmId()));
        }
    }

    private void unlocked(String realmId, String user) {
        if (user == null || Role.settled() != Role.Mode.READ_WRITE) {
            return;
        }
        RealmModel realm = session.realms().getRealm(realmId);
        if (realm != null && realm.isBruteForceProtected()) {
            UnlockMark.leave(session, UnlockMark.of(realmId, user));
        }
    }

    @Override
    public void close() { }
}
