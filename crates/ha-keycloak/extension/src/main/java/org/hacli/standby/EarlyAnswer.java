package org.hacli.standby;

import jakarta.annotation.Priority;
import jakarta.ws.rs.container.ContainerRequestContext;
import jakarta.ws.rs.container.ContainerResponseContext;
import jakarta.ws.rs.container.ContainerResponseFilter;
import jakarta.ws.rs.container.PreMatching;
import jakarta.ws.rs.ext.Provider;

/**
 * Gives the clear answer before Keycloak's own response filters run, where it is known that early. Keycloak
 * cannot make its error page when a commit has failed while the realm was not cached, and answers without a media type
 * then; its filter for security headers takes that for a fault, and the client would get a bare 500.
 * {@link ReadOnlyFilter} runs after those filters, and has the last word.
 */
@Provider
@PreMatching
@Priority(100_000) // response filters run from the highest to the lowest
public final class EarlyAnswer implements ContainerResponseFilter {

    @Override
    public void filter(ContainerRequestContext request, ContainerResponseContext response) {
        ReadOnlyFilter.answerClearly(request, response);
    }
}
