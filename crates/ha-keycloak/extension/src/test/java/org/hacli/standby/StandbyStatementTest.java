package org.hacli.standby;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;

class StandbyStatementTest {

    private static final String EVENT = "insert into event_entity (id) values (?)";

    @AfterEach
    void forget() {
        WriteRefused.takeMark();
        StandbyDriver.strictDurability(false);
        Role.lost();
    }

    @Test
    void changesNothingOnAPrimary() throws Exception {
        FakePostgres pg = new FakePostgres(false);
        try (Statement s = pg.connection.createStatement()) {
            assertEquals(5, s.executeUpdate("delete from user_entity"));
            s.executeQuery("select a from t for update");
            s.execute("set local synchronous_commit to off");
        }
        PreparedStatement p = pg.connection.prepareStatement("insert into user_entity (id) values (?)");
        p.setString(1, "x");
        assertEquals(5, p.executeUpdate());
        assertEquals(List.of("delete from user_entity", "commit", "select a from t for update",
                "set local synchronous_commit to off", "insert into user_entity (id) values (?)", "commit"), pg.sent);
    }

    @Test
    void leavesAsynchronousCommitOutWhereStrict() throws Exception {
        StandbyDriver.strictDurability(true);
        FakePostgres pg = new FakePostgres(false);
        try (Statement s = pg.connection.createStatement()) {
            assertFalse(s.execute("SET LOCAL synchronous_commit TO OFF"));
            assertEquals(0, s.getUpdateCount());
            assertFalse(s.getMoreResults());
            assertEquals(-1, s.getUpdateCount());
        }
        PreparedStatement p = pg.connection.prepareStatement("set synchronous_commit = off");
        assertFalse(p.execute());
        assertEquals(List.of(), pg.sent);
        assertEquals(5, pg.connection.createStatement().executeUpdate("update t set a=1"));
    }

    @Test
    void sendsNoneOfARehearsalsWritesAndRefusesNone() throws Exception {
        FakePostgres pg = new FakePostgres(true);
        int[] rows = new int[1];
        Rehearsal.asOne(() -> {
            try (PreparedStatement p = pg.connection.prepareStatement("insert into user_entity (id) values (?)")) {
                p.setString(1, "x");
                rows[0] = p.executeUpdate();
            } catch (SQLException e) {
                throw new AssertionError(e);
            }
        });
        assertEquals(1, rows[0]);
        assertFalse(WriteRefused.isMarked());
        assertThrows(SQLException.class,
                () -> pg.connection.createStatement().executeUpdate("insert into user_entity (id) values ('x')"));
        assertEquals(List.of(), pg.sent);
    }

    @Test
    void answersOneRowForBookkeeping() throws Exception {
        FakePostgres pg = new FakePostgres(true);
        PreparedStatement p = pg.connection.prepareStatement(EVENT);
        p.setString(1, "x");
        assertEquals(1, p.executeUpdate());
        assertEquals(1, p.getUpdateCount());
        assertNull(p.getResultSet());
        assertEquals(1L, p.executeLargeUpdate());
        assertFalse(p.execute());
        assertEquals(1L, p.getLargeUpdateCount());
        assertFalse(p.getMoreResults());
        assertEquals(-1, p.getUpdateCount());
        assertEquals(1, pg.connection.createStatement().executeUpdate("update databasechangeloglock set locked=true"));
        assertEquals(List.of(), pg.sent);
        assertFalse(WriteRefused.isMarked());
    }

    @Test
    void answersBatches() throws Exception {
        FakePostgres pg = new FakePostgres(true);
        PreparedStatement p = pg.connection.prepareStatement(EVENT);
        for (int i = 0; i < 3; i++) {
            p.setString(1, "x" + i);
            p.addBatch();
        }
        assertArrayEquals(new int[] {1, 1, 1}, p.executeBatch());
        assertArrayEquals(new int[0], p.executeBatch());
        p.addBatch();
        p.clearBatch();
        assertArrayEquals(new int[0], p.executeBatch());
        assertEquals(List.of(), pg.sent);
    }

    @Test
    void splitsABatchOverAPromotion() throws Exception {
        FakePostgres pg = new FakePostgres(true);
        PreparedStatement p = pg.connection.prepareStatement(EVENT);
        p.addBatch();
        pg.reportedStandby = pg.standby = false;
        p.addBatch();
        p.addBatch();
        assertArrayEquals(new int[] {1, 7, 7}, p.executeBatch());
        assertEquals(List.of(EVENT, EVENT, "commit"), pg.sent);
    }

    @Test
    void refusesOtherWritesWithoutTheirValues() throws Exception {
        FakePostgres pg = new FakePostgres(true);
        PreparedStatement p = pg.connection.prepareStatement("update credential set secret_data=? where id=?");
        p.setString(1, "s3cret");
        for (Executable write : List.<Executable>of(p::executeUpdate, p::addBatch,
                () -> pg.connection.createStatement().execute("truncate t"))) {
            SQLException e = assertThrows(SQLException.class, write);
            assertEquals("25006", e.getSQLState());
            assertFalse(e.getMessage().contains("s3cret"));
            assertTrue(WriteRefused.takeMark());
        }
        assertEquals(List.of(), pg.sent);
    }

    @Test
    void asksBeforeItRefuses() throws Exception {
        FakePostgres pg = new FakePostgres(true);
        PreparedStatement p = pg.connection.prepareStatement("update realm set a=1");
        pg.standby = false; // promoted; the connection has not read the report yet
        assertEquals(5, p.executeUpdate());
        assertFalse(WriteRefused.isMarked());
    }

    @Test
    void asksBeforeItLeavesOutWhereThePollerSawThePromotion() throws Exception {
        FakePostgres pg = new FakePostgres(true);
        PreparedStatement p = pg.connection.prepareStatement(EVENT);
        pg.standby = false;
        Role.observed(new Role(Role.Mode.READ_WRITE, null, null, null, null, System.nanoTime()));
        assertEquals(5, p.executeUpdate());
        assertEquals(List.of(EVENT, "commit"), pg.sent);
    }

    @Test
    void deletesOnlyWhatIsNotThere() throws Exception {
        FakePostgres pg = new FakePostgres(true);
        PreparedStatement p = pg.connection.prepareStatement("delete from offline_user_session where user_session_id=?");
        p.setString(1, "x");
        assertEquals(1, p.executeUpdate());
        pg.lookUpFinds = true;
        assertThrows(SQLException.class, p::executeUpdate);
        assertEquals("SELECT 1 from offline_user_session where user_session_id=?", pg.sent.get(0));
    }

    @Test
    void remembersSessionsMadeHere() throws Exception {
        FakePostgres pg = new FakePostgres(true);
        PreparedStatement p = pg.connection.prepareStatement("insert into offline_client_session (data,client_id,"
                + "client_storage_provider,external_client_id,offline_flag,user_session_id) values (?,?,?,?,?,?)");
        p.setString(2, "external");
        p.setString(3, "ldap");
        p.setString(4, "app");
        p.setString(5, "0");
        p.setString(6, "made-here-1");
        p.executeUpdate();
        assertTrue(MadeHere.contains(new SessionKey(false, "made-here-1", "f:ldap:app")));
        p = pg.connection.prepareStatement("insert into offline_user_session (offline_flag,user_session_id) values (?,?)");
        p.setString(1, "1");
        p.setString(2, "offline-1");
        assertThrows(SQLException.class, p::executeUpdate);
        assertFalse(MadeHere.contains(SessionKey.user(true, "offline-1")));
    }

    @Test
    void removesRowLocks() throws Exception {
        FakePostgres pg = new FakePostgres(true);
        pg.connection.prepareStatement("select a from t for update").executeQuery();
        pg.connection.createStatement().executeQuery("select b from t for share");
        assertEquals(List.of("select a from t ", "select b from t "), pg.sent);
    }

    @Test
    void leavesOutASettingOfItsTransactionThatConcernsCommits() throws Exception {
        FakePostgres pg = new FakePostgres(true);
        try (Statement s = pg.connection.createStatement()) {
            assertFalse(s.execute("set local synchronous_commit to off"));
            assertEquals(0, s.getUpdateCount());
        }
        assertEquals(List.of(), pg.sent);
    }

    @Test
    void keepsTheWrapperContract() throws Exception {
        FakePostgres pg = new FakePostgres(true);
        Connection c = pg.connection;
        assertTrue(c.isWrapperFor(Connection.class));
        assertSame(c, c.unwrap(Connection.class));
        assertTrue(c.equals(c));
        assertSame(c, c.createStatement().getConnection());
    }
}
