package org.hacli.standby;

import jakarta.ws.rs.container.ContainerRequestContext;
import jakarta.ws.rs.container.ContainerRequestFilter;
import jakarta.ws.rs.core.Response;
import jakarta.ws.rs.ext.Provider;
import java.io.IOException;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.keycloak.models.utils.KeycloakModelUtils;

/** Refuses on a read-only node, with a time to ask again, what only another node may know: see {@link Elsewhere}. */
@Provider
public final class ElsewhereFilter implements ContainerRequestFilter {

    private static final Pattern PATH = Pattern.compile(
            "/realms/[^/]+/protocol/(?:openid-connect/(?:token|(auth))|(saml)/resolve)/?");

    @Override
    public void filter(ContainerRequestContext request) throws IOException {
        Matcher path = PATH.matcher(RequestPath.of(request));
        if (Role.settled() == Role.Mode.READ_ONLY && path.matches() && isElsewhere(path, request)) {
            WriteRefused.mark();
            request.abortWith(Response.status(Response.Status.SERVICE_UNAVAILABLE).build()); // the mark says more
        }
    }

    private static boolean isElsewhere(Matcher path, ContainerRequestContext request) throws IOException {
        if (path.group(2) != null) {
            return Elsewhere.isArtifact(RequestParameters.body(request), ElsewhereFilter::isKnown);
        }
        Map<String, String> parameters = RequestParameters.of(request).stream()
                .collect(Collectors.toMap(Map.Entry::getKey, Map.Entry::getValue, (first, second) -> first));
        return path.group(1) != null && Elsewhere.isRegistration(parameters)
                || Elsewhere.is(parameters, ElsewhereFilter::isKnown, id -> MadeHere.contains(SessionKey.user(false, id)));
    }

    private static boolean isKnown(String key) {
        return KeycloakModelUtils.runJobInTransactionWithResult(Bootstrap.sessions(),
                session -> session.singleUseObjects().contains(key));
    }
}
