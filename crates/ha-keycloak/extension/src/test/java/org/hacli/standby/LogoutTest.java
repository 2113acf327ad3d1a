package org.hacli.standby;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.Set;
import java.util.zip.Deflater;
import java.util.zip.DeflaterOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class LogoutTest {

    private static String token(String payload) {
        return "e30." + Base64.getUrlEncoder().withoutPadding().encodeToString(payload.getBytes(StandardCharsets.UTF_8)) + ".x";
    }

    private static Logout.Asked asked(String path, String cookie, String... parameters) {
        return Logout.of("/realms/r/protocol/" + path).asked(RequestParameters.parsed(String.join("&", parameters)), cookie);
    }

    @ParameterizedTest
    @CsvSource(nullValues = "-", value = {
        "/realms/r/protocol/openid-connect/logout, LOGOUT",
        "/realms/r/protocol/openid-connect/logout/logout-confirm, LOGOUT",
        "/realms/r/protocol/openid-connect/logout/backchannel-logout, BY_PROVIDER",
        "/realms/r/protocol/openid-connect/revoke, REVOCATION",
        "/realms/r/protocol/saml, SAML",
        "/realms/r/protocol/saml/clients/x, SAML",
        "/realms/r/protocol/openid-connect/token, -",
        "/realms/r/protocol/openid-connect/logouts, -",
    })
    void paths(String path, Logout.Kind kind) {
        assertEquals(kind == null ? null : new Logout("r", kind), Logout.of(path));
    }

    @Test
    void sessions_by_every_token() {
        String refresh = "refresh_token=" + token("{\"sid\":\"a\",\"typ\":\"Refresh\"}") + "&client_id=app";
        String hint = "id_token_hint=" + token("{\"sid\":\"b\"}");
        assertEquals(Set.of("a", "b", "c"), asked("openid-connect/logout", token("{\"session_state\":\"c\"}"), hint, refresh).sessions());
    }

    @Test
    void revocation_of_a_refresh_token_is_no_matter_of_the_browser() {
        Logout.Asked asked = asked("openid-connect/revoke", token("{\"sid\":\"c\"}"), "",
                "token=" + token("{\"sid\":\"a\",\"typ\":\"Offline\"}"));
        assertEquals(new Logout.Asked(Set.of("a"), false), asked);
    }

    @Test
    void revocation_of_an_access_token_takes_a_row() {
        assertTrue(asked("openid-connect/revoke", null, "token=" + token("{\"sid\":\"a\",\"typ\":\"Bearer\"}")).accessToken());
        assertFalse(asked("openid-connect/revoke", null, "token=no.token.at-all").accessToken());
        assertFalse(asked("openid-connect/revoke", null, "token=%zz&x", "token").accessToken());
    }

    @Test
    void saml_only_where_it_is_a_logout() throws IOException {
        String cookie = token("{\"sid\":\"c\"}");
        byte[] logout = "<samlp:LogoutRequest/>".getBytes(StandardCharsets.UTF_8);
        String posted = "SAMLRequest=" + URLEncoder.encode(Base64.getEncoder().encodeToString(logout), StandardCharsets.UTF_8);
        ByteArrayOutputStream deflated = new ByteArrayOutputStream();
        try (OutputStream out = new DeflaterOutputStream(deflated, new Deflater(9, true))) {
            out.write(logout);
        }
        String redirected = "SAMLRequest="
                + URLEncoder.encode(Base64.getEncoder().encodeToString(deflated.toByteArray()), StandardCharsets.UTF_8);
        String login = "SAMLRequest=" + Base64.getEncoder().encodeToString("<samlp:AuthnRequest/>".getBytes(StandardCharsets.UTF_8));
        assertEquals(Set.of("c"), asked("saml", cookie, "", posted).sessions());
        assertEquals(Set.of("c"), asked("saml", cookie, redirected).sessions());
        assertEquals(Set.of(), asked("saml", cookie, "", login).sessions());
        assertEquals(Set.of(), asked("saml", cookie, "SAMLRequest=%%%").sessions());
    }
}
