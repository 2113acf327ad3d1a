package org.hacli.standby;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.keycloak.events.Event;
import org.keycloak.events.admin.AdminEvent;
import org.keycloak.events.admin.OperationType;
import org.keycloak.events.admin.ResourceType;
import org.keycloak.util.JsonSerialization;

/** Which events and requests unlock a user: by an administrator, or by a new password. Pure. */
final class Unlocks {

    private static final Pattern PASSWORD = Pattern.compile("users/([^/]+)/reset-password");
    private static final Pattern USER = Pattern.compile("users/([^/]+)");
    private static final Pattern CLEARED = Pattern.compile(
            "/admin/realms/([^/]+)/attack-detection/brute-force/users(?:/([^/]+))?/?");

    /** @param user null: all of the realm */
    record Cleared(String realmName, String user) { }

    private Unlocks() { }

    /** The user's id, or null. */
    static String by(AdminEvent event) {
        String path = event.getResourcePath();
        if (path == null) {
            return null;
        }
        Matcher password = PASSWORD.matcher(path);
        if (password.matches()) {
            return password.group(1);
        }
        Matcher user = USER.matcher(path);
        return event.getOperationType() == OperationType.UPDATE && user.matches() && unlocks(event.getRepresentation())
                ? user.group(1) : null;
    }

    /** An administrator's change of a user that says "enabled", or sets a password. */
    private static boolean unlocks(String representation) {
        try {
            JsonNode user = representation == null ? null : JsonSerialization.mapper.readTree(representation);
            return user != null && (user.path("enabled").asBoolean() || !user.path("credentials").isEmpty());
        } catch (IOException e) {
            return false;
        }
    }

    /**
     * Whether an administrator's change of a realm says that it has no protection: its users may be unlocked while it has none,
     * and nobody would be told.
     */
    static boolean all(AdminEvent event) {
        try {
            String realm = event.getRepresentation();
            return event.getResourceType() == ResourceType.REALM && event.getOperationType() == OperationType.UPDATE
                    && realm != null && !JsonSerialization.mapper.readTree(realm).path("bruteForceProtected").asBoolean(true);
        } catch (IOException e) {
            return false;
        }
    }

    /** The user's id, or null. */
    static String by(Event event) {
        String type = event.getType().name(); // the first one is deprecated, and will be gone
        boolean password = type.equals("UPDATE_PASSWORD") || type.equals("UPDATE_CREDENTIAL")
                && event.getDetails() != null && "password".equals(event.getDetails().get("credential_type"));
        return password ? event.getUserId() : null;
    }

    /** A request that clears counters: Keycloak tells nobody of it where there are none. Null: another request. */
    static Cleared by(String method, String path) {
        Matcher cleared = CLEARED.matcher(path);
        return method.equals("DELETE") && cleared.matches() ? new Cleared(cleared.group(1), cleared.group(2)) : null;
    }
}
