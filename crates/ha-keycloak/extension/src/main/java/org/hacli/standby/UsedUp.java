package org.hacli.standby;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.regex.Pattern;
import org.apache.http.HttpEntity;
import org.apache.http.HttpEntityEnclosingRequest;
import org.apache.http.HttpHost;
import org.apache.http.HttpRequest;
import org.apache.http.client.methods.CloseableHttpResponse;
import org.apache.http.conn.ClientConnectionManager;
import org.apache.http.impl.client.CloseableHttpClient;
import org.apache.http.params.HttpParams;
import org.apache.http.protocol.HttpContext;

/**
 * Keycloak's HTTP client, but for what would use something up at an identity provider whose successor could not be stored. A
 * client asks for the token that was stored at a login through a provider (or exchanges its own for it): has that expired,
 * Keycloak refreshes it first, and most providers take a refresh token once. Stored where nobody else sees it, the primary
 * would be left with one that is used up.
 */
final class UsedUp extends CloseableHttpClient {

    private static final Pattern ASKED = Pattern.compile(
            "(?:.*/)?realms/[^/]+/(?:broker/[^/]+/token|protocol/openid-connect/token)/?", Pattern.DOTALL);

    private final CloseableHttpClient real;

    UsedUp(CloseableHttpClient real) {
        this.real = real;
    }

    /** Whether a request asks for a token of somebody else's, or may: the client of a logout's is another. Pure. */
    static boolean isAskedFor(String path) {
        return ASKED.matcher(path).matches();
    }

    /** Pure. */
    static boolean isRefresh(String form) {
        return RequestParameters.parsed(form).stream()
                .anyMatch(it -> it.getKey().equals("grant_type") && it.getValue().equals("refresh_token"));
    }

    @Override
    protected CloseableHttpResponse doExecute(HttpHost target, HttpRequest request, HttpContext context)
            throws IOException {
        if (request instanceof HttpEntityEnclosingRequest enclosing && isRefresh(text(enclosing.getEntity()))) {
            throw new IOException(new WriteRefused("the use of a stored refresh token"));
        }
        return real.execute(target, request, context);
    }

    private static String text(HttpEntity entity) throws IOException {
        if (entity == null || !entity.isRepeatable()) {
            return "";
        }
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        entity.writeTo(out);
        return out.toString(StandardCharsets.UTF_8);
    }

    /** It is Keycloak's, and stays open. */
    @Override
    public void close() { }

    @Deprecated
    @Override
    public HttpParams getParams() {
        return real.getParams();
    }

    @Deprecated
    @Override
    public ClientConnectionManager getConnectionManager() {
        return real.getConnectionManager();
    }
}
