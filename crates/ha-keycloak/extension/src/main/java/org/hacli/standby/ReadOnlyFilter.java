package org.hacli.standby;

import io.vertx.core.http.HttpServerRequest;
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
import org.jboss.resteasy.reactive.server.spi.ResteasyReactiveContainerRequestContext;
import org.jboss.resteasy.reactive.server.spi.ServerHttpRequest;

/**
 * Answers the role pages, has requests wait for a planned change of roles ({@link Handover}), refuses writes by their path, and turns the answer of a request that ran into a refused
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
    /** RFC 8470: the server is unwilling to process it now, and has not; whoever sent it on may do so again. */
    private static final int TOO_EARLY = 425;
    /** Of those that were held, so many at once: a crowd would wait for connections longer than the pool lets it. */
    private static final int ABREAST = 16;
    private static final String TICKET = "org.hacli.standby.in-flight";
    /** A page of the theme is made once; two filters see to the answer. */
    private static final String ANSWERED = "org.hacli.standby.answered";

    @Override
    public void filter(ContainerRequestContext request) {
        String path = RequestPath.of(request);
        String page = Refusals.rolePage(request.getMethod(), path);
        if (page != null) {
            request.abortWith(role(page, request));
            return;
        }
        boolean refused = Refusals.refused(request.getMethod(), path) && !WarmUp.isOwn(request);
        Sender sender = Sender.of(request);
        if (fate(sender, refused) == Handover.Fate.HOLD && request instanceof ResteasyReactiveContainerRequestContext held
                && Held.hold(held, tooLong -> settle(held, sender, refused, tooLong))) {
            return;
        }
        decide(request, refused, fate(sender, refused));
    }

    private static Handover.Fate fate(Sender sender, boolean refused) {
        return Handover.now().fate(Role.now().mode(), Bootstrap.isCompleted() && Role.isLost(), sender, refused);
    }

    /** Whether a request that was held need not wait any longer. */
    private boolean settle(ResteasyReactiveContainerRequestContext request, Sender sender, boolean refused,
            boolean tooLong) {
        Handover.Fate fate = fate(sender, refused);
        boolean crowded = fate == Handover.Fate.GO_ON && InFlight.count(System.nanoTime()) >= ABREAST;
        if ((fate == Handover.Fate.HOLD || crowded) && !tooLong) {
            return false;
        }
        if (!decide(request, refused, fate == Handover.Fate.HOLD ? Handover.Fate.LATER : fate)) {
            request.resume(); // an answer does that by itself
        }
        return true;
    }

    /** Whether it was answered. */
    private boolean decide(ContainerRequestContext request, boolean refused, Handover.Fate fate) {
        if (fate == Handover.Fate.REPEAT || fate == Handover.Fate.LATER || fate == Handover.Fate.HOLD) {
            // At once: a request that waits for a connection keeps its client from asking another node.
            boolean away = Role.isLost();
            Answer answer = away ? Answer.withoutDatabase(request.getAcceptableMediaTypes())
                    : Answer.changing(request.getAcceptableMediaTypes());
            request.abortWith(Response.status(fate == Handover.Fate.REPEAT ? TOO_EARLY : 503)
                    .header("Retry-After", SOON_SECONDS).header("Cache-Control", "no-store")
                    .type(answer.type()).entity(answer.body()).build());
            return true;
        }
        if (Role.now().mode() == Role.Mode.READ_ONLY && refused
                && !Answer.prefersPage(request.getAcceptableMediaTypes())) {
            refuse(request);
            return true;
        }
        request.setProperty(TICKET, InFlight.begun(System.nanoTime()));
        return false;
    }

    /** Those who read pages are refused by {@link PageFilter}. */
    static void refuse(ContainerRequestContext request) {
        log("refused on this read-only node", request);
        Answer answer = Answer.to(request);
        request.abortWith(Response.status(405).header("Allow", "GET, HEAD, OPTIONS")
                .header("Cache-Control", "no-store").type(answer.type()).entity(answer.body()).build());
    }

    @Override
    public void filter(ContainerRequestContext request, ContainerResponseContext response) {
        boolean refused = WriteRefused.decidesOn(response.getStatus());
        answerClearly(request, response);
        InFlight.ended(request.getProperty(TICKET));
        if (Held.count() > 0) {
            HandoverFile.lookNow();
        }
        ReusedFilter.refused(request);
        if (WriteRefused.takeMark()) {
            log(refused ? "refused on this read-only node" : "a provider's write was refused on this read-only node, and forgiven",
                    request);
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
        if (WriteRefused.decidesOn(response.getStatus())) {
            if (request.getProperty(ANSWERED) == null) {
                answer(response, Answer.to(request), LATER_SECONDS);
                request.setProperty(ANSWERED, true);
            } else {
                response.setStatus(503); // Keycloak's filters may have touched it in between
            }
        } else if (ConnectionLost.isOutcomeUnknown() && response.getStatus() >= FAILED) {
            answer(response, Answer.outcomeUnknown(request.getAcceptableMediaTypes()), null);
        } else if (ConnectionLost.isMarked() && response.getStatus() >= FAILED) {
            answer(response, Answer.withoutDatabase(request.getAcceptableMediaTypes()), SOON_SECONDS);
        }
    }

    /** @param retryAfter null: not to be repeated without a look */
    private static void answer(ContainerResponseContext response, Answer answer, String retryAfter) {
        response.setStatus(503);
        if (retryAfter != null) {
            response.getHeaders().putSingle("Retry-After", retryAfter);
        }
        response.getHeaders().putSingle("Cache-Control", "no-store");
        response.getHeaders().remove("Location");
        response.setEntity(answer.body(), null, answer.type());
    }

    private static Response role(String page, ContainerRequestContext request) {
        Role role = Bootstrap.isCompleted() ? Role.now() : Role.unknown();
        Handover handover = Handover.now();
        long now = System.nanoTime();
        boolean yes = switch (page) {
            case "role" -> true;
            case "read-write" -> handover.isReadWrite(role.mode());
            default -> role.mode().word.equals(page);
        };
        if (page.equals("read-write")) {
            Balancers.ALL.asked(address(request), now);
        }
        return Response.status(yes ? 200 : 503).type(MediaType.APPLICATION_JSON_TYPE).header("Cache-Control", "no-store")
                .entity(role.json(handover.json(Balancers.ALL, now))).build();
    }

    /** Of whoever the connection is; a request for a role page has come through no balancer. */
    private static String address(ContainerRequestContext request) {
        if (request instanceof ResteasyReactiveContainerRequestContext context
                && context.getServerRequestContext() instanceof ServerHttpRequest http) {
            HttpServerRequest unwrapped = http.unwrap(HttpServerRequest.class);
            if (unwrapped != null && unwrapped.remoteAddress() != null) {
                return String.valueOf(unwrapped.remoteAddress().hostAddress());
            }
        }
        return "unknown";
    }

    /** No query: it may hold codes and tokens. The client chose the characters of path and method. */
    private static void log(String what, ContainerRequestContext request) {
        LOG.infof("%s: %s %s", what, Plain.text(request.getMethod()), Plain.text(RequestPath.of(request)));
    }
}
