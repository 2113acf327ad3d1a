package org.hacli.standby;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.sql.CallableStatement;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.sql.Types;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;

/** What a real hot standby answers through the driver, in the transactions of a pool. */
@Tag("postgres")
class ReadPostgresTest {

    private static final String LOCKS = "select count(*) from pg_locks where locktype = 'advisory'";

    private static RealPostgres pg;
    private Connection standby;

    @BeforeAll
    static void start() throws Exception {
        pg = new RealPostgres();
        pg.execute("create table many as select g as n from generate_series(1, 10000) g",
                "create table event_entity (id text, time bigint, n serial)",
                "create table offline_user_session (user_session_id text, offline_flag text)",
                "create schema other", "create table other.event_entity (id text)",
                "create table credential (id text primary key, type text, user_id text, created_date bigint, secret_data text)",
                "insert into credential values ('c1', 'password', 'u1', 5, 'old'), ('c2', 'otp', 'u1', 5, 'old')",
                "create function twice(a int) returns int language sql as $$ select 2 * a $$",
                "create function writes() returns int language sql as $$ insert into event_entity (id) values ('x') returning 1 $$",
                "create procedure does() language sql as $$ insert into event_entity (id) values ('x') $$");
        pg.replay();
    }

    @AfterAll
    static void stop() {
        if (pg != null) {
            pg.close();
        }
    }

    @BeforeEach
    void connect() throws Exception {
        standby = pg.standby();
        standby.setAutoCommit(false);
    }

    @AfterEach
    void close() throws Exception {
        standby.close();
        WriteRefused.takeMark();
    }

    private String one(String sql) throws SQLException {
        try (PreparedStatement statement = standby.prepareStatement(sql); ResultSet row = statement.executeQuery()) {
            return row.next() ? row.getString(1) : null;
        }
    }

    /** Whether the server is in a transaction: its time stands still there. */
    private boolean isInTransaction() throws SQLException {
        String before = one("select now()");
        return before.equals(one("select now()"));
    }

    @Test
    void holdsAdvisoryLocksUntilTheTransactionEnds() throws Exception {
        one("select pg_advisory_xact_lock(7)");
        assertEquals("1", one(LOCKS));
        standby.commit();
        assertEquals("0", one(LOCKS));
        try (Statement plain = standby.createStatement()) {
            plain.execute("select pg_try_advisory_xact_lock_shared(8)");
        }
        assertEquals("1", one(LOCKS));
        standby.rollback();
        assertEquals("0", one(LOCKS));
    }

    @Test
    void keepsASettingUntilTheTransactionEnds() throws Exception {
        for (String set : new String[] {"select set_config('my.setting', 'x', true)", "set local my.setting = 'x'"}) {
            try (Statement plain = standby.createStatement()) {
                plain.execute(set);
            }
            assertEquals("x", one("select current_setting('my.setting', true)"));
            standby.commit();
            assertFalse("x".equals(one("select current_setting('my.setting', true)")));
        }
    }

    @Test
    void endsATransactionThatWasBegunByItsText() throws Exception {
        try (Statement plain = standby.createStatement()) {
            plain.execute("begin");
            assertTrue(isInTransaction());
        }
        standby.commit();
        assertFalse(isInTransaction());
    }

    @Test
    void readsManyRowsInPortionsAndFewWithoutATransaction() throws Exception {
        try (PreparedStatement few = standby.prepareStatement("select n from many where n <= ?")) {
            few.setFetchSize(64);
            few.setInt(1, LargeRead.AT_ONCE);
            assertEquals(LargeRead.AT_ONCE, count(few.executeQuery()));
            assertFalse(isInTransaction());
            few.setInt(1, LargeRead.AT_ONCE + 1);
            try (ResultSet rows = few.executeQuery()) {
                assertTrue(rows.next());
                assertEquals(64, rows.getStatement().getFetchSize());
                // What is not fetched yet is at the server.
                assertEquals("1", one("select count(*) from pg_cursors where statement like 'select n from many%'"));
                assertEquals(LargeRead.AT_ONCE, count(rows));
            }
            standby.commit();
            assertFalse(isInTransaction());
        }
    }

    private static int count(ResultSet rows) throws SQLException {
        int count = 0;
        while (rows.next()) {
            count++;
        }
        return count;
    }

    @Test
    void callsFunctionsAndExplains() throws Exception {
        try (CallableStatement call = standby.prepareCall("{? = call twice(?)}")) {
            call.registerOutParameter(1, Types.INTEGER);
            call.setInt(2, 21);
            call.execute();
            assertEquals(42, call.getInt(1));
        }
        assertTrue(one("explain delete from many where n = 1").contains("Delete"));
        assertTrue(one("explain (analyze, costs off) select 1").contains("actual"));
        try (Statement plain = standby.createStatement()) {
            plain.execute("declare c cursor for select n from many order by n");
            assertEquals(3, count(plain.executeQuery("fetch 3 from c")));
        }
    }

    @Test
    void marksWhatTheServerItselfRefuses() throws Exception {
        for (Executable write : new Executable[] {() -> one("select writes()"),
            () -> standby.createStatement().execute("call does()"),
            () -> standby.prepareCall("{call writes()}").execute(), () -> one("select nextval('event_entity_n_seq')")}) {
            SQLException e = assertThrows(SQLException.class, write);
            assertEquals("25006", e.getSQLState());
            standby.rollback();
            assertTrue(WriteRefused.decidesOn(200));
            WriteRefused.takeMark();
        }
    }

    @Test
    void returnsTheRowOfAnInsertThatItLeavesOut() throws Exception {
        try (PreparedStatement insert = standby.prepareStatement(
                "insert into event_entity (id, time) values (?, ?) returning time, id")) {
            insert.setString(1, "e1");
            insert.setLong(2, 12L);
            try (ResultSet row = insert.executeQuery()) {
                assertTrue(row.next());
                assertEquals(12L, row.getObject(1));
                assertEquals("e1", row.getString("id"));
                assertFalse(row.next());
            }
        }
        try (PreparedStatement insert = standby.prepareStatement("insert into event_entity (id, time) values (?, 5)",
                Statement.RETURN_GENERATED_KEYS)) {
            insert.setString(1, "e2");
            assertEquals(1, insert.executeUpdate());
            try (ResultSet row = insert.getGeneratedKeys()) {
                assertTrue(row.next());
                assertEquals("e2", row.getString("id"));
                assertEquals(5L, row.getLong("time"));
            }
        }
        try (PreparedStatement insert = standby.prepareStatement("insert into event_entity (id) values ('e3')",
                new String[] {"n"})) {
            assertEquals("25006", assertThrows(SQLException.class, insert::executeUpdate).getSQLState());
        }
        try (Statement plain = standby.createStatement()) {
            SQLException e = assertThrows(SQLException.class,
                    () -> plain.executeQuery("insert into event_entity (id) values ('e4')"));
            assertEquals("02000", e.getSQLState()); // as PostgreSQL's driver
        }
        assertEquals("0", one("select count(*) from event_entity"));
    }

    @Test
    void leavesOutWhatGoesIntoKeycloaksOwnTablesOnly() throws Exception {
        try (Statement plain = standby.createStatement()) {
            assertEquals(1, plain.executeUpdate("insert into event_entity (id) values ('a')"));
            assertEquals(1, plain.executeUpdate("insert into public.event_entity (id) values ('a')"));
            for (String sql : new String[] {"insert into other.event_entity (id) values ('a')",
                "insert into event_entity values ('a')", "insert into offline_user_session values ('a', '1')",
                "update other.event_entity set id = 'b'"}) {
                assertEquals("25006", assertThrows(SQLException.class, () -> plain.executeUpdate(sql)).getSQLState(), sql);
            }
        }
    }

    @Test
    void leavesAHashAsItIsAndRefusesAnotherPassword() throws Exception {
        String update = "update credential set created_date=?,secret_data=?,type=?,user_id=? where id=?";
        try (PreparedStatement statement = standby.prepareStatement(update)) {
            Object[][] refused = {{6L, "new", "password", "u1", "c1"}, {5L, "new", "otp", "u1", "c2"}, {5L, "new", "password", "u2", "c1"},
                {5L, "new", "password", "u1", "c9"}};
            for (Object[] values : refused) {
                set(statement, values);
                assertThrows(WriteRefused.class, statement::executeUpdate);
            }
            set(statement, 5L, "new", "password", "u1", "c1");
            WriteRefused.takeMark();
            assertEquals(1, statement.executeUpdate());
            assertFalse(WriteRefused.isMarked());
        }
        try (PreparedStatement versioned = standby.prepareStatement(update + " and created_date=?")) {
            set(versioned, 5L, "new", "password", "u1", "c1", 5L);
            assertEquals(1, versioned.executeUpdate());
        }
        try (PreparedStatement other = standby.prepareStatement("update credential set secret_data=? where id=?")) {
            set(other, "new", "c1");
            assertThrows(WriteRefused.class, other::executeUpdate);
        }
    }

    private static void set(PreparedStatement statement, Object... values) throws SQLException {
        for (int i = 0; i < values.length; i++) {
            if (values[i] instanceof Long number) {
                statement.setLong(i + 1, number);
            } else {
                statement.setString(i + 1, (String) values[i]);
            }
        }
    }
}
