package org.hacli.standby;

import jakarta.ws.rs.container.ContainerRequestContext;
import jakarta.ws.rs.container.ContainerRequestFilter;
import jakarta.ws.rs.ext.Provider;

/** Refuses by path those who read pages: unlike {@link ReadOnlyFilter} on a thread that may ask the database for the theme. */
@Provider
public final class PageFilter implements ContainerRequestFilter {

    @Override
    public void filter(ContainerRequestContext request) {
        if (Role.now().mode() == Role.Mode.READ_ONLY && Answer.prefersPage(request.getAcceptableMediaTypes())
                && Refusals.refused(request.getMethod(), RequestPath.of(request)) && !WarmUp.isOwn(request)) {
            ReadOnlyFilter.refuse(request);
        }
    }
}
