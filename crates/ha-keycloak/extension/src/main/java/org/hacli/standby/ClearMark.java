package org.hacli.standby;

import jakarta.ws.rs.container.ContainerRequestContext;
import jakarta.ws.rs.container.ContainerRequestFilter;
import jakarta.ws.rs.ext.Provider;

/**
 * Begins each request without marks. Unlike {@link ReadOnlyFilter}, which runs before the request is matched and on
 * the thread that reads the network, this one runs on the thread that will do the work, and that may carry one from
 * what Keycloak did there after its last answer.
 */
@Provider
public final class ClearMark implements ContainerRequestFilter {

    @Override
    public void filter(ContainerRequestContext request) {
        WriteRefused.takeMark();
        ConnectionLost.takeMark();
    }
}
