package org.hacli.standby;

import jakarta.ws.rs.container.ContainerRequestContext;
import jakarta.ws.rs.container.ContainerResponseContext;
import jakarta.ws.rs.container.ContainerResponseFilter;
import jakarta.ws.rs.ext.Provider;
import org.jboss.logging.Logger;
import org.keycloak.models.RealmModel;
import org.keycloak.models.utils.KeycloakModelUtils;

/**
 * Leaves an {@link UnlockMark} where an administrator has cleared counters of failed logins on a read-write node. Keycloak
 * has no event for it where it had counted none itself.
 */
@Provider
public final class UnlockFilter implements ContainerResponseFilter {

    private static final Logger LOG = Logger.getLogger("org.hacli.standby");
    private static final int SUCCEEDED_BELOW = 300;

    @Override
    public void filter(ContainerRequestContext request, ContainerResponseContext response) {
        Unlocks.Cleared cleared = Unlocks.by(request.getMethod(), RequestPath.of(request));
        if (cleared == null || response.getStatus() >= SUCCEEDED_BELOW || Role.settled() != Role.Mode.READ_WRITE) {
            return;
        }
        try {
            KeycloakModelUtils.runJobInTransaction(Bootstrap.sessions(), session -> {
                RealmModel realm = session.realms().getRealmByName(cleared.realmName());
                if (realm != null) {
                    UnlockMark.leave(session, cleared.user() == null ? UnlockMark.ofAll(realm.getId())
                            : UnlockMark.of(realm.getId(), cleared.user()));
                }
            });
        } catch (RuntimeException e) {
            LOG.warn("read-only nodes were not told of an unlocked user; unlock once more", e);
        }
    }
}
