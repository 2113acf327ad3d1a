package org.hacli.standby;

import java.util.Map;
import java.util.Set;

/**
 * Tables whose rows belong to one realm, and are cached as parts of that realm only: its clients, client scopes, roles and
 * groups. Of such a change this realm is forgotten, and no other one. A table that is not named here concerns all.
 */
final class RealmTables {

    /** Table to the SQL that gives the realm of its row {@code t}; {@code %s} is the schema. */
    private static final Map<String, String> REALM = Map.ofEntries(
            Map.entry("client", "t.realm_id"),
            Map.entry("client_attributes", ofClient("t.client_id")),
            Map.entry("client_auth_flow_bindings", ofClient("t.client_id")),
            Map.entry("client_node_registrations", ofClient("t.client_id")),
            Map.entry("client_scope_client", ofClient("t.client_id")),
            Map.entry("redirect_uris", ofClient("t.client_id")),
            Map.entry("web_origins", ofClient("t.client_id")),
            Map.entry("scope_mapping", ofClient("t.client_id")),
            Map.entry("client_scope", "t.realm_id"),
            Map.entry("default_client_scope", "t.realm_id"),
            Map.entry("client_scope_attributes", ofScope("t.scope_id")),
            Map.entry("client_scope_role_mapping", ofScope("t.scope_id")),
            Map.entry("protocol_mapper", ofMapper("t")),
            Map.entry("protocol_mapper_config", "(select " + ofMapper("m")
                    + " from \"%1$s\".protocol_mapper m where m.id = t.protocol_mapper_id)"),
            Map.entry("keycloak_role", "t.realm_id"),
            Map.entry("role_attribute", ofRole("t.role_id")),
            Map.entry("composite_role", ofRole("t.composite")),
            Map.entry("keycloak_group", "t.realm_id"),
            Map.entry("group_attribute", ofGroup("t.group_id")),
            Map.entry("group_role_mapping", ofGroup("t.group_id")));

    private RealmTables() { }

    private static String ofClient(String id) {
        return "(select c.realm_id from \"%1$s\".client c where c.id = " + id + ")";
    }

    private static String ofScope(String id) {
        return "(select s.realm_id from \"%1$s\".client_scope s where s.id = " + id + ")";
    }

    private static String ofRole(String id) {
        return "(select r.realm_id from \"%1$s\".keycloak_role r where r.id = " + id + ")";
    }

    private static String ofGroup(String id) {
        return "(select g.realm_id from \"%1$s\".keycloak_group g where g.id = " + id + ")";
    }

    private static String ofMapper(String mapper) {
        return "coalesce(" + ofClient(mapper + ".client_id") + ", " + ofScope(mapper + ".client_scope_id") + ")";
    }

    static boolean contains(String table) {
        return REALM.containsKey(table);
    }

    static Set<String> names() {
        return REALM.keySet();
    }

    /** The realm of the row {@code t} of that table; null where what it belongs to is gone. */
    static String realm(String table, String schema) {
        return REALM.get(table).formatted(schema);
    }
}
