package org.hacli.standby;

import org.apache.http.impl.client.CloseableHttpClient;
import org.keycloak.connections.httpclient.HttpClientFactory;
import org.keycloak.connections.httpclient.HttpClientProvider;
import org.keycloak.http.HttpRequest;
import org.keycloak.models.KeycloakSession;

/** In front of what Keycloak asks others with: see {@link UsedUp}. */
public final class HttpFactory implements HttpClientFactory, InFront<HttpClientProvider> {

    @Override
    public HttpClientProvider create(KeycloakSession session) {
        HttpClientProvider real = Wrapping.real(session, HttpClientProvider.class);
        return Wrapping.proxy(HttpClientProvider.class, real, (method, args) ->
                method.getName().equals("getHttpClient") && Role.settled() == Role.Mode.READ_ONLY && isAsked(session)
                        ? new UsedUp((CloseableHttpClient) Wrapping.call(real, method, args)) : Wrapping.FORWARD);
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
