package org.hacli.standby;

import java.lang.StackWalker.Option;
import java.util.function.Predicate;
import java.util.stream.Stream;
import org.apache.http.impl.client.CloseableHttpClient;
import org.keycloak.broker.provider.IdentityProvider;

/**
 * Refuses to end a session at the identity provider that it came from, where it cannot be ended here. Keycloak does that in
 * passing, wherever it ends a session without a browser: a limit to their number, a SAML logout from server to server, a user
 * who was disabled. As {@link OwnSession}, which sees to the session's clients; of its provider Keycloak asks no protocol.
 */
final class ProviderLogout extends Guarded {

    private static final StackWalker STACK = StackWalker.getInstance(Option.RETAIN_CLASS_REFERENCE);

    private final Predicate<String> own;

    /** @param own whether a session was made here */
    ProviderLogout(CloseableHttpClient real, Predicate<String> own) {
        super(real);
        this.own = own;
    }

    /** Whether an identity provider is just about a logout. */
    static boolean isUnderWay() {
        return STACK.walk(frames -> frames.anyMatch(frame -> frame.getMethodName().equals("backchannelLogout")
                && IdentityProvider.class.isAssignableFrom(frame.getDeclaringClass())));
    }

    /** OpenID Connect names the session in {@code state}, SAML in {@code RelayState}; an operator's own provider may do otherwise. */
    @Override
    String refused(String uri, String form) {
        String query = uri.substring(uri.indexOf('?') + 1);
        boolean others = Stream.of(query, form).flatMap(text -> RequestParameters.parsed(text).stream())
                .filter(it -> it.getKey().equals("state") || it.getKey().equals("RelayState"))
                .anyMatch(it -> !own.test(it.getValue()));
        return others ? "the end of a session at its identity provider" : null;
    }
}
