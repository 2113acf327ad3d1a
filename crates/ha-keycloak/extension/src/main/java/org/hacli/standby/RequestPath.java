package org.hacli.standby;

import jakarta.ws.rs.container.ContainerRequestContext;

/** A request's path, decoded, from the server's root, without {@code http-relative-path}. */
final class RequestPath {

    private RequestPath() { }

    /** When the first request comes, the configuration is there. */
    private static final class Root {
        private static final String PATH = root(Settings.server("kc.http-relative-path"));
    }

    private static String root(String configured) {
        String path = configured == null ? "/" : configured;
        return path.endsWith("/") ? path.substring(0, path.length() - 1) : path;
    }

    static String of(ContainerRequestContext request) {
        String path = request.getUriInfo().getPath();
        String rooted = path.startsWith("/") ? path : "/" + path;
        return !Root.PATH.isEmpty() && rooted.startsWith(Root.PATH + "/") ? rooted.substring(Root.PATH.length()) : rooted;
    }
}
