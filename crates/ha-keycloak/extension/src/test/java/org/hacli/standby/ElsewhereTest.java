package org.hacli.standby;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;

class ElsewhereTest {

    private static boolean is(Map<String, String> parameters) {
        return Elsewhere.is(parameters, Set.of("code:known", "old-known", "par:pushed")::contains, "mine"::equals);
    }

    private static Map<String, String> code(String code) {
        return Map.of("grant_type", "authorization_code", "code", code);
    }

    @Test
    void codesOfAnotherNode() {
        assertTrue(is(code("other.theirs.client")));
        assertFalse(is(code("known.theirs.client")));
        assertFalse(is(code("old-known.theirs.client")));
        assertFalse(is(code("used-up.mine.client")), "that is a code that was taken twice");
        assertFalse(is(code("no code")));
        assertFalse(is(Map.of("grant_type", "password", "code", "other.theirs.client")));
    }

    @Test
    void requestsPushedToAnotherNode() {
        String prefix = "urn:ietf:params:oauth:request_uri:";
        assertTrue(is(Map.of("request_uri", prefix + "other")));
        assertFalse(is(Map.of("request_uri", prefix + "pushed")));
        assertFalse(is(Map.of("request_uri", "https://app.test/request")));
    }

    @Test
    void samlArtifactsOfAnotherNode() {
        for (String element : new String[] {"<samlp:Artifact>%s</samlp:Artifact>", "<Artifact xmlns=\"urn:x\">\n %s\n</Artifact>"}) {
            String soap = "<s:Envelope><samlp:ArtifactResolve ID=\"a\">" + element + "</samlp:ArtifactResolve></s:Envelope>";
            assertTrue(Elsewhere.isArtifact(soap.formatted("AAQAAPIYD5n+/8="), "AAQAAKnown="::equals));
            assertFalse(Elsewhere.isArtifact(soap.formatted("AAQAAKnown="), "AAQAAKnown="::equals));
            assertFalse(Elsewhere.isArtifact(soap.formatted(""), "AAQAAKnown="::equals));
        }
        assertFalse(Elsewhere.isArtifact("", "AAQAAKnown="::equals));
    }

    @Test
    void registrations() {
        assertTrue(Elsewhere.isRegistration(Map.of("prompt", "create")));
        assertTrue(Elsewhere.isRegistration(Map.of("prompt", "login create")));
        assertFalse(Elsewhere.isRegistration(Map.of("prompt", "consent")));
        assertFalse(Elsewhere.isRegistration(Map.of()));
    }

    @Test
    void whatIsNeverBegunHere() {
        assertTrue(is(Map.of("grant_type", "urn:ietf:params:oauth:grant-type:device_code")));
        assertTrue(is(Map.of("grant_type", "urn:openid:params:grant-type:ciba")));
        assertFalse(is(Map.of("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange")));
        assertFalse(is(Map.of()));
    }
}
