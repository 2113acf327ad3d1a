package org.hacli.standby;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.hacli.standby.Change.Effect;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ChangeTest {

    @ParameterizedTest
    @CsvSource({
        "event_entity, INSERT, NONE",
        "event_entity, DELETE, NONE",
        "offline_user_session, INSERT, NONE",
        "offline_user_session, HOT_UPDATE, NONE",
        "offline_user_session, UPDATE, MOVE_SESSIONS",
        "offline_user_session, DELETE, COMPARE_SESSIONS",
        "offline_client_session, INSERT, NONE",
        "offline_client_session, UPDATE, EVICT_CLIENT_SESSIONS",
        "offline_client_session, DELETE, COMPARE_SESSIONS",
        "revoked_token, INSERT, LOAD_REVOKED_TOKENS",
        "revoked_token, DELETE, NONE",
        "user_entity, INSERT, EVICT_USERS",
        "user_entity, UPDATE, EVICT_USERS",
        "user_entity, HOT_UPDATE, EVICT_USERS",
        "user_entity, MULTI_INSERT, EVICT_USERS",
        "user_entity, DELETE, CLEAR_USERS",
        "credential, HOT_UPDATE, EVICT_USERS",
        "user_role_mapping, INSERT, EVICT_USERS",
        "user_role_mapping, DELETE, CLEAR_USERS",
        "user_group_membership, INSERT, EVICT_USERS_WIDELY",
        "federated_identity, INSERT, EVICT_USERS_WIDELY",
        "federated_identity, UPDATE, CLEAR_USERS",
        "realm, UPDATE, CLEAR_ALL",
        "client, HOT_UPDATE, FORGET_REALMS",
        "keycloak_role, INSERT, FORGET_REALMS",
        "group_attribute, DELETE, FORGET_REALMS",
        "client, REWRITE, CLEAR_ALL",
        "component, UPDATE, CLEAR_ALL",
        "resource_server_policy, DELETE, CLEAR_ALL",
        "a_table_of_a_later_version, INSERT, CLEAR_ALL",
        // A record that this code does not know says nothing about what it did.
        "user_entity, FPI, CLEAR_ALL",
        "event_entity, REWRITE, CLEAR_ALL",
        "user_entity, TRUNCATE, CLEAR_ALL"})
    void decides(String table, String record, Effect expected) {
        assertEquals(expected, new Change(table, 7, record, 0).effect());
    }

    @Test
    void forgetsTheUserAloneWhoseRowWasDeleted() {
        for (String table : new String[] {"user_entity", "user_role_mapping", "user_group_membership"}) {
            assertEquals(Effect.FORGET_USER, new Change(table, 7, "DELETE", 0).ownedBy("somebody").effect(), table);
        }
        assertEquals(Effect.CLEAR_USERS, new Change("federated_identity", 7, "UPDATE", 0).ownedBy("somebody").effect());
        assertEquals(Effect.FORGET_REALMS, new Change("client", 7, "DELETE", 0).ownedBy("A").effect());
    }

    @Test
    void clearsForARelationNobodyKnows() {
        assertEquals(Effect.CLEAR_ALL, new Change(null, 7, "INSERT", 0).effect());
    }
}
