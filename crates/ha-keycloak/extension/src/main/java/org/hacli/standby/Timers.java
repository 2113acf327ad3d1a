package org.hacli.standby;

import java.util.List;
import org.jboss.logging.Logger;
import org.keycloak.models.KeycloakSessionFactory;
import org.keycloak.models.RealmModel;
import org.keycloak.models.utils.KeycloakModelUtils;
import org.keycloak.storage.StoreSyncEvent;
import org.keycloak.storage.UserStorageProvider;
import org.keycloak.timer.TimerProvider;

/**
 * Keycloak's background work: clean-up, synchronisation with directories, workflows. All of it writes, so it is done on the
 * read-write node only, and nothing of it is pretended on a read-only one. Each node keeps the timers of its own start;
 * those of a synchronisation are set by whoever changes it, so a node that becomes read-write sets them anew, as the
 * database has them then.
 */
final class Timers {

    private static final Logger LOG = Logger.getLogger("org.hacli.standby");

    private Timers() { }

    /** Also where the database does not answer just now: what runs once a day must not be left out for that. */
    static void runIfWriting(Runnable work) {
        if (Role.settled() == Role.Mode.READ_WRITE) {
            work.run();
        } else {
            LOG.trace("background work left to the read-write node");
        }
    }

    /** This node has become read-write. */
    static void begin() {
        Aside.runOne("timers", () -> setSynchronisations(Bootstrap.sessions()));
    }

    private static void setSynchronisations(KeycloakSessionFactory factory) {
        KeycloakModelUtils.runJobInTransaction(factory, session -> {
            TimersFactory.forgetSynchronisations(session.getProvider(TimerProvider.class));
            List<RealmModel> realms = session.realms().getRealmsWithProviderTypeStream(UserStorageProvider.class).toList();
            for (RealmModel realm : realms) {
                session.getContext().setRealm(realm);
                StoreSyncEvent.fire(session, realm, false);
            }
        });
    }
}
