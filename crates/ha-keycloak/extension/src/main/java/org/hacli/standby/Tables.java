package org.hacli.standby;

import java.util.Map;
import java.util.Set;

/** What Keycloak's caches hold of each table. A table that is not named here clears everything when it changes. */
final class Tables {

    enum Kind { UNCACHED, USER_SESSION, CLIENT_SESSION, REVOKED_TOKEN, USER, USER_LINK, OTHER }

    /** Written all the time, and never cached from its rows. */
    private static final Set<String> UNCACHED = Set.of("event_entity", "admin_event_entity", "databasechangelog",
            "databasechangeloglock", "jgroups_ping", "cluster_event", "auth_session", "root_auth_session",
            "login_failure", "single_use_object", "outbox_entry", "workflow_state");

    /** User tables to the column that names the user. */
    private static final Map<String, String> USER = Map.ofEntries(
            Map.entry("user_entity", "id"),
            Map.entry("credential", "user_id"),
            Map.entry("user_attribute", "user_id"),
            Map.entry("user_role_mapping", "user_id"),
            Map.entry("user_required_action", "user_id"),
            Map.entry("user_consent", "user_id"),
            Map.entry("user_ver_credential", "user_id"),
            Map.entry("federated_user", "id"),
            Map.entry("fed_user_attribute", "user_id"),
            Map.entry("fed_user_consent", "user_id"),
            Map.entry("fed_user_credential", "user_id"),
            Map.entry("fed_user_required_action", "user_id"),
            Map.entry("fed_user_role_mapping", "user_id"),
            Map.entry("fed_user_ver_credential", "user_id"));

    private static final Map<String, String> USER_LINK = Map.of(
            "user_group_membership", "user_id",
            "federated_identity", "user_id",
            "fed_user_group_membership", "user_id",
            "broker_link", "user_id");

    private Tables() { }

    static Kind kind(String table) {
        if (UNCACHED.contains(table)) {
            return Kind.UNCACHED;
        }
        return switch (table) {
            case "offline_user_session" -> Kind.USER_SESSION;
            case "offline_client_session" -> Kind.CLIENT_SESSION;
            case "revoked_token" -> Kind.REVOKED_TOKEN;
            default -> USER.containsKey(table) ? Kind.USER
                    : USER_LINK.containsKey(table) ? Kind.USER_LINK : Kind.OTHER;
        };
    }

    /** The column that names the user; null for other tables. */
    static String userColumn(String table) {
        return USER.containsKey(table) ? USER.get(table) : USER_LINK.get(table);
    }
}
