package org.hacli.standby;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import jakarta.ws.rs.core.Response;
import jakarta.ws.rs.core.UriInfo;
import java.io.IOException;
import java.util.List;
import org.apache.http.client.entity.UrlEncodedFormEntity;
import org.apache.http.client.methods.HttpGet;
import org.apache.http.client.methods.HttpPost;
import org.apache.http.client.methods.HttpUriRequest;
import org.apache.http.message.BasicNameValuePair;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.keycloak.broker.provider.AbstractIdentityProvider;
import org.keycloak.broker.provider.IdentityProvider;
import org.keycloak.models.FederatedIdentityModel;
import org.keycloak.models.IdentityProviderModel;
import org.keycloak.models.KeycloakSession;
import org.keycloak.models.RealmModel;
import org.keycloak.models.UserSessionModel;

class ProviderLogoutTest {

    private final AskedClient asked = new AskedClient();
    private final ProviderLogout client = new ProviderLogout(asked, "mine"::equals);

    @AfterEach
    void forget() {
        WriteRefused.takeMark();
    }

    /** As Keycloak's OpenID Connect provider asks. */
    private static HttpGet oidc(String session) {
        return new HttpGet("http://provider.test/logout?state=" + session + "&id_token_hint=a.b.c&client_id=broker");
    }

    private static HttpPost saml(String session) throws IOException {
        HttpPost post = new HttpPost("http://provider.test/saml");
        post.setEntity(new UrlEncodedFormEntity(List.of(new BasicNameValuePair("SAMLRequest", "PHg+"),
                new BasicNameValuePair("RelayState", session))));
        return post;
    }

    private void refuses(HttpUriRequest request) {
        IOException refused = assertThrows(IOException.class, () -> client.execute(request));
        assertTrue(WriteRefused.isCauseOf(refused));
        assertTrue(WriteRefused.decidesOn(200));
    }

    @Test
    void the_provider_is_told_of_sessions_made_here_only() throws IOException {
        refuses(oidc("theirs"));
        refuses(saml("theirs"));
        client.execute(oidc("mine"));
        client.execute(saml("mine"));
        assertEquals(List.of("GET", "POST"), asked.asked);
    }

    @Test
    void a_provider_that_names_no_session_is_the_operators_own() throws IOException {
        client.execute(new HttpGet("http://provider.test/end?user=u"));
        assertEquals(List.of("GET"), asked.asked);
    }

    /** Does not compile, should a later Keycloak call this otherwise. */
    @Test
    void a_logout_is_told_from_what_else_is_asked() {
        boolean[] seen = new boolean[1];
        IdentityProvider<?> provider = new AbstractIdentityProvider<>(null, new IdentityProviderModel()) {
            @Override
            public Response retrieveToken(KeycloakSession session, FederatedIdentityModel identity) {
                return null;
            }

            @Override
            public void backchannelLogout(KeycloakSession session, UserSessionModel userSession, UriInfo uri, RealmModel realm) {
                seen[0] = ProviderLogout.isUnderWay();
            }
        };
        assertFalse(ProviderLogout.isUnderWay());
        provider.backchannelLogout(null, null, null, null);
        assertTrue(seen[0]);
    }
}
