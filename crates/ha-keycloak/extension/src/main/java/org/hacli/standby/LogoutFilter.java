package org.hacli.standby;

import jakarta.ws.rs.container.ContainerRequestContext;
import jakarta.ws.rs.container.ContainerRequestFilter;
import jakarta.ws.rs.core.Cookie;
import jakarta.ws.rs.core.Response;
import jakarta.ws.rs.ext.Provider;
import java.io.IOException;
import org.keycloak.models.RealmModel;
import org.keycloak.models.utils.KeycloakModelUtils;

/**
 * Refuses a logout or revocation on a read-only node before Keycloak begins with it, where it could not end it: Keycloak
 * first tells clients and identity providers, takes the browser's cookie and blocks the token, and writes last.
 */
@Provider
public final class LogoutFilter implements ContainerRequestFilter {

    /** Holds the identity of a browser that is logged in. */
    private static final String COOKIE = "KEYCLOAK_IDENTITY";

    @Override
    public void filter(ContainerRequestContext request) throws IOException {
        Logout logout = Role.settled() == Role.Mode.READ_ONLY ? Logout.of(RequestPath.of(request)) : null;
        if (logout != null && isRefused(logout, request)) {
            WriteRefused.mark();
            request.abortWith(Response.status(Response.Status.SERVICE_UNAVAILABLE).build()); // the mark says more
        }
    }

    private static boolean isRefused(Logout logout, ContainerRequestContext request) throws IOException {
        if (logout.kind() == Logout.Kind.BY_PROVIDER) {
            return true; // its sessions are looked for in the database
        }
        Cookie cookie = request.getCookies().get(COOKIE);
        Logout.Asked asked = logout.asked(RequestParameters.of(request), cookie == null ? null : cookie.getValue());
        return asked.accessToken() || asked.sessions().stream().anyMatch(id -> isOthers(logout.realm(), id));
    }

    /** Whether there is such a session, and it was not made here. */
    private static boolean isOthers(String realmName, String id) {
        if (MadeHere.contains(SessionKey.user(false, id))) {
            return false;
        }
        return KeycloakModelUtils.runJobInTransactionWithResult(Bootstrap.sessions(), session -> {
            RealmModel realm = session.realms().getRealmByName(realmName);
            if (realm == null) {
                return false;
            }
            session.getContext().setRealm(realm);
            return session.sessions().getUserSession(realm, id) != null
                    || session.sessions().getOfflineUserSession(realm, id) != null;
        });
    }
}
