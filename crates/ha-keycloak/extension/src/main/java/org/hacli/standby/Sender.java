package org.hacli.standby;

import jakarta.ws.rs.container.ContainerRequestContext;

/**
 * Who sends a request: a load balancer that {@code ha-cli haproxy} has configured says in a header which kind of node it
 * wants, and takes 425 for "nothing was done, ask another one". Clients cannot say so themselves where it stands in front;
 * and who does reaches nothing by it but a 425.
 *
 * @param repeats a 425 will be repeated: the balancer still has all of the request
 */
record Sender(Wants wants, boolean repeats) {

    enum Wants { PRIMARY, STANDBY, UNKNOWN }

    static final String HEADER = "Ha-Balancer";

    /** HAProxy's buffer without what it keeps free for rewriting, and some room for what it adds. */
    private static final int BUFFER = 16_384 - 1_024 - 512;

    static Sender of(ContainerRequestContext request) {
        String said = request.getHeaderString(HEADER);
        Wants wants = said == null ? Wants.UNKNOWN : switch (said) {
            case "read-write" -> Wants.PRIMARY;
            case "read-only" -> Wants.STANDBY;
            default -> Wants.UNKNOWN;
        };
        return new Sender(wants, wants != Wants.UNKNOWN && fits(request));
    }

    /** Of a body in chunks the length is not known: it is not taken for one that fits. */
    private static boolean fits(ContainerRequestContext request) {
        if (request.getHeaderString("Transfer-Encoding") != null) {
            return false;
        }
        long size = request.getUriInfo().getRequestUri().toString().length() + 32L;
        for (var header : request.getHeaders().entrySet()) {
            for (String value : header.getValue()) {
                size += header.getKey().length() + value.length() + 8L;
            }
        }
        String length = request.getHeaderString("Content-Length");
        try {
            return size + (length == null ? 0 : Long.parseLong(length)) <= BUFFER;
        } catch (NumberFormatException e) {
            return false;
        }
    }
}
