package org.hacli.standby;

import jakarta.ws.rs.container.ContainerRequestContext;
import jakarta.ws.rs.container.ContainerRequestFilter;
import jakarta.ws.rs.core.Response;
import jakarta.ws.rs.ext.Provider;
import java.io.IOException;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.keycloak.models.RealmModel;
import org.keycloak.models.utils.KeycloakModelUtils;

/** Refuses on a read-only node the refresh tokens of those that are {@link Reused}. */
@Provider
public final class ReusedFilter implements ContainerRequestFilter {

    private static final Pattern PATH = Pattern.compile("/realms/([^/]+)/protocol/openid-connect/token/?");
    private static final String TOKEN = "org.hacli.standby.refresh-token";
    private static final long SECOND = 1000;

    @Override
    public void filter(ContainerRequestContext request) throws IOException {
        Matcher path = PATH.matcher(RequestPath.of(request));
        if (Role.settled() != Role.Mode.READ_ONLY || !path.matches()) {
            return;
        }
        Map<String, String> parameters = RequestParameters.of(request).stream()
                .collect(Collectors.toMap(Map.Entry::getKey, Map.Entry::getValue, (first, second) -> first));
        Reused.Token token = refreshed(parameters);
        if (token == null) {
            return;
        }
        if (Reused.ALL.contains(token) && isGoodOnce(path.group(1), token.session())) {
            WriteRefused.mark();
            request.abortWith(Response.status(Response.Status.SERVICE_UNAVAILABLE).build()); // the mark says more
        } else {
            request.setProperty(TOKEN, token);
        }
    }

    /** What a request would refresh; null: nothing. Pure. Nothing is verified: Keycloak does that before it ends anything. */
    static Reused.Token refreshed(Map<String, String> parameters) {
        if (!"refresh_token".equals(parameters.get("grant_type"))) {
            return null;
        }
        var token = Logout.payload(parameters.getOrDefault("refresh_token", ""));
        return token.path("sid").isTextual() && token.path("azp").isTextual()
                ? new Reused.Token(token.path("sid").asText(), token.path("azp").asText(), token.path("iat").asLong()) : null;
    }

    /** A refresh is over: was it to end its client session? */
    static void refused(ContainerRequestContext request) {
        if (WriteRefused.isOfClientSession() && request.getProperty(TOKEN) instanceof Reused.Token token) {
            Reused.ALL.add(token, System.currentTimeMillis() / SECOND);
        }
    }

    /** Whether the realm's refresh tokens are, and there still is that session: otherwise Keycloak says what is wrong. */
    private static boolean isGoodOnce(String realmName, String id) {
        return KeycloakModelUtils.runJobInTransactionWithResult(Bootstrap.sessions(), session -> {
            RealmModel realm = session.realms().getRealmByName(realmName);
            if (realm == null || !realm.isRevokeRefreshToken()) {
                return false;
            }
            session.getContext().setRealm(realm);
            return session.sessions().getUserSession(realm, id) != null
                    || session.sessions().getOfflineUserSession(realm, id) != null;
        });
    }
}
