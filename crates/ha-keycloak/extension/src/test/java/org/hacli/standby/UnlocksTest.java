package org.hacli.standby;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.keycloak.events.Event;
import org.keycloak.events.EventType;
import org.keycloak.events.admin.AdminEvent;
import org.keycloak.events.admin.OperationType;
import org.keycloak.events.admin.ResourceType;

class UnlocksTest {

    private static AdminEvent event(OperationType operation, String path, String representation) {
        AdminEvent event = new AdminEvent();
        event.setOperationType(operation);
        event.setResourcePath(path);
        event.setRepresentation(representation);
        return event;
    }

    @Test
    void by_an_administrator() {
        assertEquals("u", Unlocks.by(event(OperationType.UPDATE, "users/u", "{\"enabled\":true}")));
        assertEquals("u", Unlocks.by(event(OperationType.UPDATE, "users/u", "{\"credentials\":[{\"type\":\"password\"}]}")));
        assertEquals("u", Unlocks.by(event(OperationType.ACTION, "users/u/reset-password", null)));
    }

    @Test
    void not_by_any_change() {
        assertNull(Unlocks.by(event(OperationType.UPDATE, "users/u", "{\"firstName\":\"A\"}")));
        assertNull(Unlocks.by(event(OperationType.UPDATE, "users/u", "{\"enabled\":false}")));
        assertNull(Unlocks.by(event(OperationType.UPDATE, "users/u", null)));
        assertNull(Unlocks.by(event(OperationType.CREATE, "users/u", "{\"enabled\":true}")));
        assertNull(Unlocks.by(event(OperationType.UPDATE, "groups/u", "{\"enabled\":true}")));
        assertNull(Unlocks.by(event(OperationType.ACTION, "users/u/logout", null)));
        assertNull(Unlocks.by(event(OperationType.DELETE, null, null)));
    }

    @Test
    void all_by_a_realm_without_protection() {
        AdminEvent off = event(OperationType.UPDATE, null, "{\"realm\":\"r\",\"bruteForceProtected\":false}");
        assertFalse(Unlocks.all(off), "a change of something else");
        off.setResourceType(ResourceType.REALM);
        assertTrue(Unlocks.all(off));
        off.setRepresentation("{\"realm\":\"r\",\"bruteForceProtected\":true}");
        assertFalse(Unlocks.all(off));
        off.setRepresentation("{\"displayName\":\"R\"}");
        assertFalse(Unlocks.all(off));
        off.setRepresentation(null);
        assertFalse(Unlocks.all(off));
    }

    @Test
    void by_a_new_password() {
        Event event = new Event();
        event.setUserId("u");
        event.setType(EventType.UPDATE_PASSWORD);
        assertEquals("u", Unlocks.by(event));
        event.setType(EventType.UPDATE_CREDENTIAL);
        assertNull(Unlocks.by(event));
        event.setDetails(Map.of("credential_type", "otp"));
        assertNull(Unlocks.by(event));
        event.setDetails(Map.of("credential_type", "password"));
        assertEquals("u", Unlocks.by(event));
        event.setType(EventType.LOGIN);
        assertNull(Unlocks.by(event));
    }

    @ParameterizedTest
    @CsvSource(nullValues = "-", value = {
        "DELETE, /admin/realms/r/attack-detection/brute-force/users, r, -",
        "DELETE, /admin/realms/r/attack-detection/brute-force/users/u, r, u",
        "GET, /admin/realms/r/attack-detection/brute-force/users/u, -, -",
        "DELETE, /admin/realms/r/users/u, -, -",
    })
    void by_clearing_counters(String method, String path, String realm, String user) {
        Unlocks.Cleared cleared = Unlocks.by(method, path);
        assertEquals(realm == null ? null : new Unlocks.Cleared(realm, user), cleared);
    }

    @Test
    void one_mark_a_user_that_fits_its_column() {
        String mark = UnlockMark.of("realm", "f:" + "x".repeat(250));
        assertTrue(mark.length() + 37 < 255 && UnlockMark.isOne(mark), mark);
        assertEquals(mark, UnlockMark.about(mark + ".1"));
        assertNotEquals(mark, UnlockMark.of("other", "f:" + "x".repeat(250)));
        assertNotEquals(UnlockMark.ofAll("realm"), UnlockMark.of("realm", "u"));
    }
}
