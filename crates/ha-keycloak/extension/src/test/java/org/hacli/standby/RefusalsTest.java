package org.hacli.standby;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import jakarta.ws.rs.core.MediaType;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

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
        assertTrue(Answer.to(List.of(MediaType.TEXT_HTML_TYPE, MediaType.WILDCARD_TYPE)).body().contains("<h1>"));
        for (List<MediaType> accept : List.of(List.of(MediaType.WILDCARD_TYPE),
                List.of(MediaType.APPLICATION_JSON_TYPE, MediaType.TEXT_HTML_TYPE), List.<MediaType>of())) {
            String body = Answer.to(accept).body();
            assertTrue(body.startsWith("{\"error\":\"read_only_node\",\"error_description\":\""));
            assertFalse(body.contains("<"));
        }
    }
}
