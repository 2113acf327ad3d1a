package org.hacli.standby;

import jakarta.annotation.Priority;
import jakarta.ws.rs.container.ContainerRequestContext;
import jakarta.ws.rs.container.ContainerRequestFilter;
import jakarta.ws.rs.container.ContainerResponseContext;
import jakarta.ws.rs.container.ContainerResponseFilter;
import jakarta.ws.rs.container.PreMatching;
import jakarta.ws.rs.core.MediaType;
import jakarta.ws.rs.core.Response;
import jakarta.ws.rs.ext.Provider;
import org.jboss.logging.Logger;

/**
 * Answers the role pages, refuses writes by their path, and turns the answer of a request that ran into a refused
 * write, or lost its database, into a clear one. It runs before Keycloak looks up a realm, so that the role pages need
 * no database.
 */
@Provider
@PreMatching
@Priority(-1000) // first of the request filters, last of the response filters: Keycloak commits in one of those
public final class ReadOnlyFilter implements ContainerRequestFilter, ContainerResponseFilter {

    private static final int FAILED = 400; // the first status of those that are no success
    private static final Logger LOG = Logger.getLogger("org.hacli.standby");
    private static final String LATER_SECONDS = "10";
    private static final String SOON_SECONDS = "1";

    private final String root = root(Settings.server("kc.http-relative-path"));

    private static String root(String configured) {
        String path = configured == null ? "/" : configured;
        return path.endsWith("/") ? path.substring(0, path.length() - 1) : path;
    }

    @Override
    public void filter(ContainerRequestContext request) {
        String path = path(request);
        String page = Refusals.rolePage(request.getMethod(), path);
        if (page != null) {
            request.abortWith(role(page));
        } else if (Bootstrap.isCompleted() && Role.isLost()) {
            // At once: a request that waits for a connection keeps its client from asking another node.
            Answer answer = Answer.withoutDatabase(request.getAcceptableMediaTypes());
            request.abortWith(Response.status(503).header("Retry-After", SOON_SECONDS).header("Cache-Control", "no-store")
                    .type(answer.type()).entity(answer.body()).build());
        } else if (Role.now().mode() == Role.Mode.READ_ONLY && Refusals.refused(request.getMethod(), path)
                && !WarmUp.isOwn(request)) {
            log("refused on this read-only node", request);
            Answer answer = Answer.to(request.getAcceptableMediaTypes());
            request.abortWith(Response.status(405).header("Allow", "GET, HEAD, OPTIONS")
                    .header("Cache-Control", "no-store").type(answer.type()).entity(answer.body()).build());
        }
    }

    @Override
    public void filter(ContainerRequestContext request, ContainerResponseContext response) {
        answerClearly(request, response);
        if (WriteRefused.takeMark()) {
            log("refused on this read-only node", request);
        }
        String broken = ConnectionLost.takeMark();
        if (broken != null) {
            log(broken + ", answered " + response.getStatus(), request);
        }
    }

    /**
     * Puts the clear answer in the place of whatever Keycloak made of a refused write, or of a database that went away
     * under it, where that was its end.
     */
    static void answerClearly(ContainerRequestContext request, ContainerResponseContext response) {
        if (WriteRefused.isMarked()) {
            answer(response, Answer.to(request.getAcceptableMediaTypes()), LATER_SECONDS);
        } else if (ConnectionLost.isMarked() && response.getStatus() >= FAILED) {
            answer(response, Answer.withoutDatabase(request.getAcceptableMediaTypes()), SOON_SECONDS);
        }
    }

    private static void answer(ContainerResponseContext response, Answer answer, String retryAfter) {
        response.setStatus(503);
        response.getHeaders().putSingle("Retry-After", retryAfter);
        response.getHeaders().putSingle("Cache-Control", "no-store");
        response.getHeaders().remove("Location");
        response.setEntity(answer.body(), null, answer.type());
    }

    private static Response role(String page) {
        Role role = Bootstrap.isCompleted() ? Role.now() : Role.unknown();
        boolean yes = page.equals("role") || role.mode().word.equals(page);
        return Response.status(yes ? 200 : 503).type(MediaType.APPLICATION_JSON_TYPE)
                .header("Cache-Control", "no-store").entity(role.json()).build();
    }

    /** No query: it may hold codes and tokens. The path is quoted, since the client chose its characters. */
    private void log(String what, ContainerRequestContext request) {
        String path = path(request);
        String safe = path.length() > 200 ? path.substring(0, 200) + "..." : path;
        LOG.infof("%s: %s %s", what, request.getMethod(), safe.replaceAll("\\p{Cntrl}", "?"));
    }

    private String path(ContainerRequestContext request) {
        String path = request.getUriInfo().getPath();
        String rooted = path.startsWith("/") ? path : "/" + path;
        return !root.isEmpty() && rooted.startsWith(root + "/") ? rooted.substring(root.length()) : rooted;
    }
}
