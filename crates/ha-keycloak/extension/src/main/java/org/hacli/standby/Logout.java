package org.hacli.standby;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.zip.Inflater;
import java.util.zip.InflaterInputStream;
import org.keycloak.util.JsonSerialization;

/**
 * Which sessions a request would end. Pure. Nothing is verified: a forged token can only have a request refused that Keycloak
 * would refuse as well.
 */
record Logout(String realm, Kind kind) {

    enum Kind {
        /** Of a session, by its refresh token, ID token or cookie. */
        LOGOUT,
        REVOCATION,
        /** SAML, whose endpoint takes logins as well. */
        SAML,
        /** By an identity provider's logout token. */
        BY_PROVIDER
    }

    /** @param accessToken it would block an access token, which takes a row */
    record Asked(Set<String> sessions, boolean accessToken) { }

    private static final Pattern PATH = Pattern.compile("/realms/([^/]+)/protocol/(?:"
            + "openid-connect/(?:(logout/backchannel-logout)|(logout)(?:/.*)?|(revoke))|(saml)(?:/.*)?)/?");
    private static final Set<String> TOKENS = Set.of("refresh_token", "id_token_hint", "token");
    private static final Set<String> STORED_TYPES = Set.of("Refresh", "Offline");
    private static final int SAML_LIMIT = 64 * 1024;

    /** Null: another path. */
    static Logout of(String path) {
        Matcher matcher = PATH.matcher(path);
        if (!matcher.matches()) {
            return null;
        }
        return new Logout(matcher.group(1), matcher.group(2) != null ? Kind.BY_PROVIDER
                : matcher.group(3) != null ? Kind.LOGOUT : matcher.group(4) != null ? Kind.REVOCATION : Kind.SAML);
    }

    Asked asked(List<Map.Entry<String, String>> parameters, String cookie) {
        Set<String> sessions = new HashSet<>();
        boolean accessToken = false;
        boolean saml = false;
        for (Map.Entry<String, String> parameter : parameters) {
            String name = parameter.getKey();
            String value = parameter.getValue();
            if (kind == Kind.SAML) {
                saml |= name.equals("SAMLRequest") && isSamlLogout(value);
            } else if (TOKENS.contains(name)) {
                JsonNode token = payload(value);
                addSession(sessions, token);
                accessToken |= kind == Kind.REVOCATION && name.equals("token") && !token.isMissingNode()
                        && !STORED_TYPES.contains(token.path("typ").asText());
            }
        }
        if (cookie != null && (kind == Kind.LOGOUT || saml)) {
            addSession(sessions, payload(cookie));
        }
        return new Asked(sessions, accessToken);
    }

    private static void addSession(Set<String> sessions, JsonNode token) {
        for (String name : List.of("sid", "session_state")) {
            if (token.path(name).isTextual()) {
                sessions.add(token.path(name).asText());
            }
        }
    }

    /** What a token says; a missing node where it is none. */
    static JsonNode payload(String token) {
        String[] parts = token.split("\\.");
        try {
            return parts.length == 3 ? JsonSerialization.mapper.readTree(Base64.getUrlDecoder().decode(parts[1]))
                    : JsonSerialization.mapper.missingNode();
        } catch (IOException | IllegalArgumentException e) {
            return JsonSerialization.mapper.missingNode();
        }
    }

    /** Deflated where it came by redirect, plain where it was posted. */
    private static boolean isSamlLogout(String message) {
        try {
            byte[] bytes = Base64.getMimeDecoder().decode(message);
            return says(bytes) || says(inflated(bytes));
        } catch (IOException | IllegalArgumentException e) {
            return false;
        }
    }

    private static boolean says(byte[] xml) {
        return new String(xml, StandardCharsets.UTF_8).contains("LogoutRequest");
    }

    private static byte[] inflated(byte[] bytes) throws IOException {
        try (InputStream in = new InflaterInputStream(new ByteArrayInputStream(bytes), new Inflater(true))) {
            return in.readNBytes(SAML_LIMIT);
        }
    }
}
