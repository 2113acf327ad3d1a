package org.hacli.standby;

import org.apache.http.impl.client.CloseableHttpClient;
import org.keycloak.connections.httpclient.HttpClientFactory;
import org.keycloak.connections.httpclient.HttpClientProvider;
import org.keycloak.http.HttpRequest;
import org.keycloak.models.KeycloakSession;

/** In front of what Keycloak asks others with: see {@link UsedUp} and {@link ProviderLogout}. */
public final class HttpFactory implements HttpClientFactory, InFront<HttpClientProvider> {

    @Override
    public HttpClientProvider create(KeycloakSession session) {
        HttpClientProvider real = Wrapping.real(session, HttpClientProvider.class);
        return Wrapping.proxy(HttpClientProvider.class, real, (method, args) -> {
            if (!method.getName().equals("getHttpClient") || Role.settled() != Role.Mode.READ_ONLY) {
                return Wrapping.FORWARD;
            }
            CloseableHttpClient client = (CloseableHttpClient) Wrapping.call(real, method, args);
            return ProviderLogout.isUnderWay() ? new ProviderLogout(client, id -> MadeHere.contains(SessionKey.user(false, id)))
                    : isAsked(session) ? new UsedUp(client) : client;
        });
    }

    /** Whether a request is under way that asks for such a token. */
    private static boolean isAsked(KeycloakSession session) {
        try {
            HttpRequest request = session.getContext().getHttpRequest();
            return request != null && UsedUp.isAskedFor(request.getUri().getPath());
        } catch (RuntimeException e) {
            return false; // background work has none
        }
    }
}
