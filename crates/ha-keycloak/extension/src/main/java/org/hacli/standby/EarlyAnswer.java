package org.hacli.standby;

import jakarta.annotation.Priority;
import jakarta.ws.rs.container.ContainerRequestContext;
import jakarta.ws.rs.container.ContainerResponseContext;
import jakarta.ws.rs.container.ContainerResponseFilter;
import jakarta.ws.rs.container.PreMatching;
import jakarta.ws.rs.core.StreamingOutput;
import jakarta.ws.rs.ext.Provider;
import java.util.stream.Stream;
import org.keycloak.models.KeycloakSession;
import org.keycloak.models.KeycloakTransactionManager;
import org.keycloak.utils.KeycloakSessionUtil;

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
        commit(response);
        ReadOnlyFilter.answerClearly(request, response);
    }

    /**
     * Commits now where Keycloak would do so in a response filter of its own: a refusal there escapes them all, as a bare 500.
     * It does so after errors that it keeps the transaction of, such as a login that is denied, and a reason for it stored.
     */
    private static void commit(ContainerResponseContext response) {
        KeycloakSession session = KeycloakSessionUtil.getKeycloakSession();
        if (session == null || session.isClosed() || Role.settled() != Role.Mode.READ_ONLY
                || response.getEntity() instanceof Stream || response.getEntity() instanceof StreamingOutput) {
            return; // what is written while it is sent needs its transaction until then
        }
        KeycloakTransactionManager transaction = session.getTransactionManager();
        if (!transaction.isActive() || transaction.getRollbackOnly()) {
            return;
        }
        try {
            transaction.commit();
        } catch (RuntimeException e) {
            if (!WriteRefused.isMarked() && !ConnectionLost.isMarked()) {
                throw e;
            }
            if (WriteRefused.isMarked()) {
                WriteRefused.mark(); // nothing of this request is done, whoever forgives what
            }
        }
    }
}
