package org.hacli.standby;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import org.apache.http.HttpEntity;
import org.apache.http.HttpEntityEnclosingRequest;
import org.apache.http.HttpHost;
import org.apache.http.HttpRequest;
import org.apache.http.client.methods.CloseableHttpResponse;
import org.apache.http.conn.ClientConnectionManager;
import org.apache.http.impl.client.CloseableHttpClient;
import org.apache.http.params.HttpParams;
import org.apache.http.protocol.HttpContext;

/** Keycloak's HTTP client, but for what a read-only node must not have others do, since its own part will be refused. */
abstract class Guarded extends CloseableHttpClient {

    private final CloseableHttpClient real;

    Guarded(CloseableHttpClient real) {
        this.real = real;
    }

    /**
     * What is refused, in words; null: it is sent.
     *
     * @param form what is posted; empty where nothing is
     */
    abstract String refused(String uri, String form);

    @Override
    protected final CloseableHttpResponse doExecute(HttpHost target, HttpRequest request, HttpContext context)
            throws IOException {
        String form = request instanceof HttpEntityEnclosingRequest enclosing ? text(enclosing.getEntity()) : "";
        String refused = refused(request.getRequestLine().getUri(), form);
        if (refused != null) {
            throw new IOException(new WriteRefused(refused));
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
