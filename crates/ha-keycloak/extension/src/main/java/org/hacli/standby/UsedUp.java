package org.hacli.standby;

import java.util.regex.Pattern;
import org.apache.http.impl.client.CloseableHttpClient;

/**
 * Refuses what would use something up at an identity provider whose successor could not be stored. A
 * client asks for the token that was stored at a login through a provider (or exchanges its own for it): has that expired,
 * Keycloak refreshes it first, and most providers take a refresh token once. Stored where nobody else sees it, the primary
 * would be left with one that is used up.
 */
final class UsedUp extends Guarded {

    private static final Pattern ASKED = Pattern.compile(
            "(?:.*/)?realms/[^/]+/(?:broker/[^/]+/token|protocol/openid-connect/token)/?", Pattern.DOTALL);

    UsedUp(CloseableHttpClient real) {
        super(real);
    }

    /** Whether a request asks for a token of somebody else's, or may. Pure. */
    static boolean isAskedFor(String path) {
        return ASKED.matcher(path).matches();
    }

    /** Pure. */
    static boolean isRefresh(String form) {
        return RequestParameters.parsed(form).stream()
                .anyMatch(it -> it.getKey().equals("grant_type") && it.getValue().equals("refresh_token"));
    }

    @Override
    String refused(String uri, String form) {
        return isRefresh(form) ? "the use of a stored refresh token" : null;
    }
}
