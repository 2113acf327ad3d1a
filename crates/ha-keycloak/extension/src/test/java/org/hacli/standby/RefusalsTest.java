package org.hacli.standby;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import jakarta.ws.rs.core.MediaType;
import java.io.IOException;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.keycloak.util.JsonSerialization;

class RefusalsTest {

    @ParameterizedTest
    @CsvSource({
        "POST, /admin/realms/r/users, true",
        "PUT, /admin/realms/r, true",
        "DELETE, /admin/realms/r/users/1, true",
        "PATCH, /admin/api/v2/x, true",
        "GET, /admin/realms/r/users, false",
        "POST, /realms/r/account/credentials, true",
        "POST, /realms/r/account, true",
        "GET, /realms/r/account, false",
        "POST, /realms/r/clients-registrations/default, true",
        "POST, /realms/r/authz/protection/resource_set, true",
        "POST, /realms/r/scim/v2/Users, true",
        "POST, /realms/r/login-actions/registration, true",
        "POST, /realms/r/protocol/openid-connect/auth/device, true",
        "GET, /realms/r/device, true",
        "POST, /realms/r/protocol/openid-connect/ext/ciba/auth, true",
        "POST, /realms/r/protocol/openid-connect/ext/par/request, false",
        "POST, /admin/realms/r/partial-export, false",
        "PUT, /admin/realms/r/partial-export, true",
        "POST, /admin/realms/r/partialImport, true",
        "POST, /admin/realms/r/clients/1/authz/resource-server/policy/evaluate, false",
        "POST, /admin/realms/r/clients/1/authz/resource-server/policy, true",
        "POST, /admin/realms/r/clients/1/evaluate-scopes/generate-example-access-token, false",
        "DELETE, /admin/realms/r/clients/1/evaluate-scopes/x, true",
        "GET, /realms/r/login-actions/registration, true",
        "GET, /realms/r/login-actions/reset-credentials, true",
        "GET, /realms/r/login-actions/required-action, true",
        "GET, /realms/r/login-actions/action-token, true",
        "GET, /realms/r/login-actions/first-broker-login, true",
        "GET, /realms/r/protocol/openid-connect/registrations, true",
        "OPTIONS, /realms/r/login-actions/registration, false",
        "POST, /realms/r/login-actions/authenticate, false",
        "POST, /realms/r/protocol/openid-connect/token, false",
        "POST, /realms/r/protocol/openid-connect/logout, false",
        // Names that only look like it.
        "POST, /realms/admin/protocol/openid-connect/token, false",
        "POST, /realms/r/accounting/x, false",
        "POST, /realms/account/protocol/openid-connect/token, false",
        "POST, /realms/r/broker/admin/endpoint, false"})
    void refusesByPath(String method, String path, boolean refused) {
        assertEquals(refused, Refusals.refused(method, path));
    }

    @ParameterizedTest
    @ValueSource(strings = {"\n", "\r", "\u0085", "\u2028", "\u2029"})
    void aLineEndInAPathHidesNothing(String end) {
        assertTrue(Refusals.refused("POST", "/admin/realms/r" + end + "/users"));
        assertTrue(Refusals.refused("DELETE", "/realms/r/account/" + end));
        assertTrue(Refusals.refused("GET", "/realms/r" + end + "/login-actions/registration/" + end));
    }

    @ParameterizedTest
    @CsvSource({
        "GET, /realms/master/ha/read-write, read-write",
        "HEAD, /realms/master/ha/read-only, read-only",
        "GET, /realms/master/ha/role, role",
        "POST, /realms/master/ha/role, ",
        "GET, /realms/master/ha/roles, ",
        "GET, /realms/master/ha/, ",
        "GET, /realms/other/ha/role, "})
    void knowsTheRolePages(String method, String path, String page) {
        assertEquals(page, Refusals.rolePage(method, path));
    }

    @Test
    void answersBrowsersWithAPage() {
        assertTrue(Answer.prefersPage(List.of(MediaType.TEXT_HTML_TYPE, MediaType.WILDCARD_TYPE)));
        for (List<MediaType> accept : List.of(List.of(MediaType.WILDCARD_TYPE),
                List.of(MediaType.APPLICATION_JSON_TYPE, MediaType.TEXT_HTML_TYPE), List.<MediaType>of())) {
            assertFalse(Answer.prefersPage(accept));
        }
        assertTrue(Answer.plainPage().body().contains("<h1>"));
    }

    /** The form that its "Save" reads; anything else shows as "validation errors". */
    @Test
    void answersTheAccountConsoleInItsOwnForm() throws IOException {
        JsonNode account = JsonSerialization.mapper.readTree(Answer.program("/realms/r/account/").body());
        JsonNode other = JsonSerialization.mapper.readTree(Answer.program("/admin/realms/r/users").body());
        assertEquals("read_only_node", other.path("error").asText());
        assertEquals("read_only_node", account.path("error").asText());
        assertEquals(account.path("error_description"), account.path("errorMessage"));
        assertEquals(List.of("username", "email"), account.path("errors").findValuesAsText("field"));
        assertTrue(account.path("errors").get(0).path("errorMessage").asText().contains("read-only"));
    }

    @Test
    void showsABannerOnAConsolesPage() {
        assertTrue(ConsoleBanner.with("<html><body><div id=\"app\"></div></body></html>").endsWith("</div></body></html>"));
        assertNull(ConsoleBanner.with("{}"));
    }
}
