package org.hacli.standby;

import java.util.Map;
import java.util.Set;

/** What Keycloak's caches hold of each table. A table that is not named here clears everything when it changes. */
final class Tables {

    enum Kind { UNCACHED, USER_SESSION, CLIENT_SESSION, REVOKED_TOKEN, USER, USER_LINK, REALM_PART, OTHER }

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

    /**
     * All that Keycloak 26 makes, and has made in earlier versions: another one is somebody else's, or a later version's. A test
     * with each version looks whether one is missing.
     */
    private static final Set<String> KEYCLOAKS = Set.of("""
            admin_event_entity associated_policy auth_session authentication_execution authentication_flow authenticator_config
            authenticator_config_entry broker_link client client_attributes client_auth_flow_bindings client_initial_access
            client_node_registrations client_scope client_scope_attributes client_scope_client client_scope_role_mapping
            cluster_event component component_config composite_role credential databasechangelog databasechangeloglock
            default_client_scope event_entity fed_issued_ver_credential fed_user_attribute fed_user_consent
            fed_user_consent_cl_scope fed_user_credential fed_user_group_membership fed_user_required_action
            fed_user_role_mapping fed_user_ver_credential federated_identity federated_user group_attribute
            group_role_mapping identity_provider identity_provider_config identity_provider_mapper idp_mapper_config
            issued_ver_credential jgroups_ping keycloak_group keycloak_role login_failure migration_model
            offline_client_session offline_user_session org org_domain org_invitation outbox_entry policy_config
            protocol_mapper protocol_mapper_config realm realm_attribute realm_default_groups realm_enabled_event_types
            realm_events_listeners realm_localizations realm_required_credential realm_smtp_config realm_supported_locales
            redirect_uris required_action_config required_action_provider resource_attribute resource_policy resource_scope
            resource_server resource_server_perm_ticket resource_server_policy resource_server_resource
            resource_server_scope resource_uris revoked_token role_attribute root_auth_session scope_mapping scope_policy
            server_config single_use_object user_attribute user_consent user_consent_client_scope user_entity
            user_federation_config user_federation_mapper user_federation_mapper_config user_federation_provider
            user_group_membership user_required_action user_role_mapping user_ver_credential username_login_failure
            web_origins workflow_state""".split("\\s+"));

    private Tables() { }

    static boolean isKeycloaks(String table) {
        return KEYCLOAKS.contains(table);
    }

    static Kind kind(String table) {
        if (UNCACHED.contains(table)) {
            return Kind.UNCACHED;
        }
        return switch (table) {
            case "offline_user_session" -> Kind.USER_SESSION;
            case "offline_client_session" -> Kind.CLIENT_SESSION;
            case "revoked_token" -> Kind.REVOKED_TOKEN;
            default -> USER.containsKey(table) ? Kind.USER
                    : USER_LINK.containsKey(table) ? Kind.USER_LINK
                    : RealmTables.contains(table) ? Kind.REALM_PART : Kind.OTHER;
        };
    }

    /** The column that names the user; null for other tables. */
    static String userColumn(String table) {
        return USER.containsKey(table) ? USER.get(table) : USER_LINK.get(table);
    }
}
