package org.hacli.standby;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.hacli.standby.Bookkeeping.Verdict;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class BookkeepingTest {

    private static Verdict verdict(String sql) {
        return Bookkeeping.verdict(Sql.parse(sql), true, false, true, false, false);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "select 1 | SEND",
        "select a from user_entity for update | SEND",
        "set local synchronous_commit to off | SEND",
        "insert into OFFLINE_USER_SESSION (a) values (?) | DROP",
        "insert into \"offline_client_session\" (a) values (?) | DROP",
        "insert into event_entity (a) values (?) | DROP",
        "insert into keycloak.admin_event_entity (a) values (?) | DROP",
        "update databasechangeloglock set locked = true | DROP",
        "update offline_user_session set a=1 | DROP",
        "delete from offline_user_session where user_session_id=? | DROP_IF_ABSENT",
        "delete from event_entity where realm_id=? | DROP_IF_ABSENT",
        "insert into offline_user_session (a) values (1) returning a | DROP",
        "insert into offline_user_session (a) values (1) returning * | REFUSE",
        "insert into offline_user_session (a) values (1) returning a, b | REFUSE",
        "insert into offline_user_session (a) values (now()) returning a | REFUSE",
        "insert into offline_user_session values (1) | REFUSE",
        "insert into offline_user_session (a, b) values (1) | REFUSE",
        "update offline_user_session set a = 1 returning a | REFUSE",
        "insert into offline_user_session select * from x | REFUSE",
        "insert into \"OFFLINE_USER_SESSION\" (a) values (?) | REFUSE",
        "insert into offline_user_session_old (a) values (?) | REFUSE",
        "insert into user_entity (a) values (?) | REFUSE",
        "update credential set secret_data=? where id=? | REFUSE",
        "delete from user_entity where id=? | REFUSE",
        "insert into revoked_token (id) values (?) | REFUSE",
        "delete from offline_user_session using user_entity u where true | REFUSE",
        "with x as (delete from offline_user_session returning 1) select 1 | REFUSE",
        "insert into event_entity (a) values (1); delete from user_entity | REFUSE",
        "truncate event_entity | REFUSE",
        "drop table event_entity | REFUSE"})
    void decides(String sql, Verdict expected) {
        assertEquals(expected, verdict(sql));
    }

    @ParameterizedTest
    @CsvSource({"insert into s.event_entity (a) values (?)", "update s.credential set a=?", "delete from s.event_entity"})
    void takesNoOtherSchemasTableForKeycloaks(String sql) {
        assertEquals("s", Sql.parse(sql).schema());
        assertEquals(Verdict.REFUSE, Bookkeeping.verdict(Sql.parse(sql), false, false, true, false, true));
    }

    @Test
    void grantsNoOfflineSession() {
        Sql sql = Sql.parse("insert into offline_user_session (offline_flag) values (?)");
        assertEquals(Verdict.DROP_AND_REFUSE_REQUEST, Bookkeeping.verdict(sql, true, true, true, false, false));
        assertEquals(Verdict.REFUSE, Bookkeeping.verdict(sql, true, true, false, false, false));
    }

    @Test
    void leavesTheCleanUpOut() {
        for (String sql : new String[] {"delete from revoked_token where expire < ?", "update realm set a=1",
            "insert into component (id) values (?)"}) {
            assertEquals(Verdict.DROP, Bookkeeping.verdict(Sql.parse(sql), true, false, false, true, false));
        }
        assertEquals(Verdict.REFUSE, Bookkeeping.verdict(Sql.parse("truncate t"), true, false, false, true, false));
    }

    @Test
    void leavesADueHashAsItIs() {
        assertEquals(Verdict.DROP,
                Bookkeeping.verdict(Sql.parse("update CREDENTIAL set a=?"), true, false, true, false, true));
        assertEquals(Verdict.REFUSE,
                Bookkeeping.verdict(Sql.parse("update user_entity set a=?"), true, false, true, false, true));
    }
}
