package org.hacli.standby;

import java.util.ArrayList;
import java.util.List;
import org.apache.http.HttpHost;
import org.apache.http.HttpRequest;
import org.apache.http.client.methods.CloseableHttpResponse;
import org.apache.http.conn.ClientConnectionManager;
import org.apache.http.impl.client.CloseableHttpClient;
import org.apache.http.params.HttpParams;
import org.apache.http.protocol.HttpContext;

/** Writes down what it is asked, and asks nobody. */
final class AskedClient extends CloseableHttpClient {

    final List<String> asked = new ArrayList<>();

    @Override
    protected CloseableHttpResponse doExecute(HttpHost target, HttpRequest request, HttpContext context) {
        asked.add(request.getRequestLine().getMethod());
        return null;
    }

    @Override
    public void close() { }

    @Deprecated
    @Override
    public HttpParams getParams() {
        return null;
    }

    @Deprecated
    @Override
    public ClientConnectionManager getConnectionManager() {
        return null;
    }
}
