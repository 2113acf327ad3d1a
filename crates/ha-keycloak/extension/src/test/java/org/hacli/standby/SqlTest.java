package org.hacli.standby;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;

import java.util.List;
import java.util.stream.Stream;
import org.hacli.standby.Sql.Kind;
import org.hacli.standby.Sql.Value;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class SqlTest {

    static Stream<Arguments> kinds() {
        return Stream.of(
                a("select 1", Kind.READ, null),
                a("", Kind.READ, null),
                a("  -- only a comment", Kind.READ, null),
                a("(select 1) union (select 2)", Kind.READ, null),
                a("values (1)", Kind.READ, null),
                a("SHOW in_hot_standby", Kind.READ, null),
                a("SET LOCAL lock_timeout = 5", Kind.READ_IN_TRANSACTION, null),
                a("select 1; select 2;", Kind.READ, null),
                a("insert into t(a) values(?)", Kind.INSERT, "t"),
                a("INSERT INTO PUBLIC.Event_Entity (id) VALUES (?)", Kind.INSERT, "event_entity"),
                a("/* insert into x */ insert\n into \"public\" . \"event_entity\" (id) values (1)", Kind.INSERT,
                        "event_entity"),
                a("insert into \"Event_Entity\" (id) values (1)", Kind.INSERT, "Event_Entity"),
                a("insert into \"a\"\"b\" (id) values (1)", Kind.INSERT, "a\"b"),
                a("insert into t (a) values (?) on conflict do nothing", Kind.INSERT, "t"),
                // More than one row, or rows from elsewhere: nothing that Keycloak's bookkeeping does.
                a("insert into t (a) values (?), (?)", Kind.WRITE, null),
                a("insert into t select * from u", Kind.WRITE, null),
                a("insert into t default values", Kind.WRITE, null),
                a("update only keycloak.t set a=?", Kind.UPDATE, "t"),
                a("update t set a='delete from u' where b=?", Kind.UPDATE, "t"),
                a("delete from t where a=?", Kind.DELETE, "t"),
                a("DELETE/**/FROM--x\nONLY t", Kind.DELETE, "t"),
                a("merge into t using u on a=b when matched then delete", Kind.WRITE, null),
                a("commit", Kind.COMMIT, null),
                a("/* x */ END work;", Kind.COMMIT, null),
                a("commit prepared 'x'", Kind.READ, null), // refused by every standby
                a("truncate t", Kind.OTHER, null),
                a("create table t(a int)", Kind.OTHER, null),
                a("lock table t", Kind.OTHER, null),
                a("copy t from stdin", Kind.OTHER, null),
                a("do $$ begin delete from t; end $$", Kind.OTHER, null),
                a("call f()", Kind.READ_IN_TRANSACTION, null),
                a("{call f()}", Kind.READ_IN_TRANSACTION, null),
                a("{? = call f(?)}", Kind.READ_IN_TRANSACTION, null),
                a("begin", Kind.READ_IN_TRANSACTION, null),
                a("set transaction isolation level serializable", Kind.READ_IN_TRANSACTION, null),
                a("select pg_catalog.pg_advisory_xact_lock(1)", Kind.READ_IN_TRANSACTION, null),
                a("select set_config('a.b', ?, true)", Kind.READ_IN_TRANSACTION, null),
                a("select set_config from t", Kind.READ, null),
                a("declare c cursor for select 1", Kind.READ_IN_TRANSACTION, null),
                a("declare c cursor for delete from t", Kind.OTHER, null),
                a("explain select 1", Kind.READ, null),
                a("explain delete from t", Kind.READ, null),
                a("explain (verbose, costs off) with x as (delete from t returning 1) select 1", Kind.READ, null),
                a("explain analyze select 1", Kind.READ, null),
                a("explain analyze delete from t", Kind.OTHER, null),
                a("explain (analyze, buffers) insert into t (a) values (1)", Kind.OTHER, null),
                a("explain (analyze) select 1 for update", Kind.LOCKING_READ, null),
                a("explain create table x as select 1", Kind.OTHER, null),
                a("explain", Kind.OTHER, null),
                a("select a into t2 from t", Kind.OTHER, null),
                a("with x as (select a into t2 from t) select 1", Kind.READ, null), // refused by every server
                a("select 1; delete from t", Kind.OTHER, null),
                a("insert into event_entity(id) values(1); delete from user_entity", Kind.OTHER, null),
                a("select ';' ; select ';delete from t'", Kind.READ, null),
                a("with x as (delete from t returning a) select * from x", Kind.WRITE, null),
                a("with x as materialized (insert into t values (1) returning a) select 1", Kind.WRITE, null),
                a("with x as (select 1) delete from t", Kind.WRITE, null),
                a("with x as (select 1) update t set a=1", Kind.WRITE, null),
                a("with x as (select 'delete') select * from x", Kind.READ, null),
                a("with recursive x as (select 1 union select 2) select \"delete\" from x", Kind.READ, null),
                a("select $$ for update $$, $tag$ ; delete $tag$", Kind.READ, null),
                a("select E'it\\'s for update' from t", Kind.READ, null),
                a("select 'it''s for update' from t", Kind.READ, null),
                a("select \"for\" from t -- for update", Kind.READ, null),
                a("select /* for /* update */ no key */ 1", Kind.READ, null),
                a("select U&\"d\\0061t\" from t", Kind.READ, null),
                a("select a ?? 'b', $1 from t where x = ?", Kind.READ, null));
    }

    @ParameterizedTest
    @MethodSource("kinds")
    void tellsWhatAStatementDoes(String text, Kind kind, String table) {
        Sql sql = Sql.parse(text);
        assertEquals(kind, sql.kind());
        assertEquals(table, sql.table());
    }

    static Stream<Arguments> locks() {
        return Stream.of(
                a("select a from t for update", "select a from t "),
                a("SELECT ID FROM public.databasechangeloglock WHERE ID=1000 FOR UPDATE",
                        "SELECT ID FROM public.databasechangeloglock WHERE ID=1000 "),
                a("select a from t x where b=? for no key update of x", "select a from t x where b=? "),
                a("select a from t for key share nowait", "select a from t "),
                a("select a from t for share of t, \"u\" skip locked", "select a from t "),
                a("select a from t for update of x limit 1", "select a from t  limit 1"),
                a("select a from t for update of x for share of y", "select a from t  "),
                a("select a from t order by b for\n/* why */ update\n", "select a from t order by b \n"),
                a("select * from (select a from t for update) s", "select * from (select a from t ) s"),
                a("with x as (select a from t for update) select 1", "with x as (select a from t ) select 1"),
                a("select substring(a for share) from t for share", "select substring(a for share) from t "),
                a("select 1; select a from t for update; select 2", "select 1; select a from t ; select 2"),
                a("select 'for update' from t where a = ? for update", "select 'for update' from t where a = ? "));
    }

    @ParameterizedTest
    @MethodSource("locks")
    void removesRowLocksOnly(String text, String expected) {
        Sql sql = Sql.parse(text);
        assertEquals(Kind.LOCKING_READ, sql.kind());
        assertEquals(expected, sql.onStandby());
        assertEquals(text, sql.withoutAsync());
    }

    @ParameterizedTest
    @ValueSource(strings = {
        "select substring(a from 1 for 2) from t",
        "select substring(a for share) from t",
        "select overlay(a placing b from 1 for update) from t"})
    void leavesOtherUsesOfForAlone(String text) {
        Sql sql = Sql.parse(text);
        assertEquals(Kind.READ, sql.kind());
        assertEquals(text, sql.onStandby());
    }

    @Test
    void findsTheValuesOfAnInsert() {
        Sql sql = Sql.parse("insert into OFFLINE_CLIENT_SESSION (DATA,\"client_id\",a,b,offline_flag,n)"
                + " values (?,?,lower(?,'x'),'it''s, (x)', ?, 7)");
        assertEquals(new Value(2, null), sql.values().get("client_id"));
        assertEquals(new Value(4, null), sql.values().get("offline_flag"));
        assertEquals(new Value(0, "it's, (x)"), sql.values().get("b"));
        assertEquals(new Value(0, "7"), sql.values().get("n"));
        assertNull(sql.values().get("other"));
    }

    static Stream<Arguments> lookUps() {
        return Stream.of(
                a("delete from t where a=? and b=?", "SELECT 1 from t where a=? and b=?"),
                a("/* x */ DELETE FROM only t", "/* x */ SELECT 1 FROM only t"),
                a("delete from t using u where t.a=u.a", null),
                a("delete from t where a=? returning b", null),
                a("delete from t where current of c", null));
    }

    @ParameterizedTest
    @MethodSource("lookUps")
    void turnsADeleteIntoItsLookUp(String text, String expected) {
        assertEquals(expected, Sql.parse(text).onStandby());
    }

    @ParameterizedTest
    @ValueSource(strings = {
        "SET LOCAL synchronous_commit TO OFF",
        "set synchronous_commit = 'off'",
        "set session Synchronous_Commit to false",
        "/* x */ SET local \"synchronous_commit\"=0",
        "set local synchronous_commit to local;"})
    void leavesAsynchronousCommitOut(String text) {
        Sql sql = Sql.parse(text);
        assertEquals(Kind.ASYNC_COMMIT, sql.kind());
        assertNull(sql.withoutAsync());
    }

    @ParameterizedTest
    @ValueSource(strings = {
        "set local synchronous_commit to on",
        "set synchronous_commit to remote_apply",
        "set local lock_timeout to off",
        "select 'set local synchronous_commit to off'"})
    void keepsOtherSettings(String text) {
        assertEquals(text, Sql.parse(text).withoutAsync());
    }

    @Test
    void leavesAsynchronousCommitOutAmongOthers() {
        assertEquals("update t set a=1; ; select 1",
                Sql.parse("update t set a=1; set local synchronous_commit to off; select 1").withoutAsync());
        assertEquals("select set_config('synchronous_commit', current_setting('synchronous_commit'), true)",
                Sql.parse("select set_config('synchronous_commit', 'off', true)").withoutAsync());
    }

    @Test
    void seesReturning() {
        assertEquals(List.of("a"), Sql.parse("insert into t(a) values(1) returning a").returning());
        assertEquals(List.of("a", "B"), Sql.parse("update t set a=1 returning a, \"B\"").returning());
        assertEquals(Sql.EXPRESSIONS, Sql.parse("delete from t returning a + 1").returning());
        assertEquals(Sql.EXPRESSIONS, Sql.parse("delete from t returning *").returning());
        assertNull(Sql.parse("insert into t(a) values('returning')").returning());
    }

    @ParameterizedTest
    @ValueSource(strings = {"'", "\"", "/*", "/* /* */", "$a$", "E'\\", "select '", "(", ")", ";", "?", "insert into",
        "insert into t (", "insert into t (a) values (", "delete from", "update", "with", "for update", "set", "((("})
    void survivesBrokenText(String text) {
        Sql.parse(text);
    }

    private static Arguments a(Object... arguments) {
        return Arguments.of(arguments);
    }
}
