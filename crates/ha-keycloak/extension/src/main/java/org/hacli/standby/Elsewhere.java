package org.hacli.standby;

import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Predicate;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What is good once, and kept in the memory of the node that gave it. On a read-only node, what it does not know may well be
 * known on the read-write one: "no such code" would end what is not at its end. Pure.
 */
final class Elsewhere {

    private static final String PUSHED = "urn:ietf:params:oauth:request_uri:";
    /** Their first step is refused here, so that all of these are the other node's. */
    private static final Set<String> GRANTS = Set.of("urn:ietf:params:oauth:grant-type:device_code",
            "urn:openid:params:grant-type:ciba");

    /** In whatever namespace; where it is written otherwise (as CDATA, say), Keycloak answers. */
    private static final Pattern ARTIFACT = Pattern.compile("<(?:[^\\s<>:/]+:)?Artifact(?:\\s[^<>]*)?>\\s*([A-Za-z0-9+/=]+)\\s*</");

    private Elsewhere() { }

    /**
     * @param known    whether this node has an object of that key
     * @param madeHere whether a session was made here
     */
    static boolean is(Map<String, String> parameters, Predicate<String> known, Predicate<String> madeHere) {
        String grant = parameters.getOrDefault("grant_type", "");
        if (GRANTS.contains(grant)) {
            return true;
        }
        String uri = parameters.getOrDefault("request_uri", "");
        if (uri.startsWith(PUSHED)) {
            return !isKnown("par:", uri.substring(PUSHED.length()), known);
        }
        // The code, its session, its client.
        List<String> code = List.of(parameters.getOrDefault("code", "").split("\\."));
        return grant.equals("authorization_code") && code.size() == 3 && !madeHere.test(code.get(1))
                && !isKnown("code:", code.get(0), known);
    }

    /**
     * Whether a SAML client asks for what an artifact stands for that another node gave to a browser: "nothing", Keycloak's
     * answer, would be a success without a login.
     */
    static boolean isArtifact(String soap, Predicate<String> known) {
        Matcher matcher = ARTIFACT.matcher(soap);
        return matcher.find() && !known.test(matcher.group(1));
    }

    /** A page that asks for what cannot be stored: as {@code registrations}, which {@link Refusals} know by its path. */
    static boolean isRegistration(Map<String, String> parameters) {
        return List.of(parameters.getOrDefault("prompt", "").split(" ")).contains("create");
    }

    /** Keycloak 26.4 has no prefix. */
    private static boolean isKnown(String prefix, String key, Predicate<String> known) {
        return known.test(prefix + key) || known.test(key);
    }
}
