package org.hacli.standby;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.sql.BatchUpdateException;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.Arrays;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Commits of a real primary whose standby is away, as in the durability profile {@code strict}. */
@Tag("postgres")
class CommitPostgresTest {

    private static final int LIMIT_SECONDS = 60;

    private static RealPostgres pg;

    @FunctionalInterface
    private interface Use {
        void of(Connection connection) throws SQLException;
    }

    @BeforeAll
    static void start() throws Exception {
        pg = new RealPostgres();
        pg.execute("create table t (a text, b serial)", "create table parent (id int primary key)",
                "create function writes() returns int language sql as $$ insert into t values ('w') returning 1 $$",
                "create table child (id int references parent deferrable initially deferred)");
    }

    @AfterAll
    static void stop() {
        if (pg != null) {
            pg.close();
        }
    }

    @BeforeEach
    void strict() {
        StandbyDriver.strictDurability(true);
    }

    @AfterEach
    void forget() {
        ConnectionLost.takeMark();
    }

    /** Begins it at a primary whose standby stands still, and waits until its commit waits. */
    private static CompletableFuture<Void> begun(Connection connection, Use use) throws Exception {
        CompletableFuture<Void> done = new CompletableFuture<>();
        Thread thread = new Thread(() -> {
            try {
                use.of(connection);
                done.complete(null);
            } catch (Throwable e) {
                done.completeExceptionally(e);
            }
        });
        thread.setDaemon(true);
        thread.start();
        pg.waiting();
        return done;
    }

    private static void inTransaction(Connection connection, String sql) throws SQLException {
        connection.setAutoCommit(false);
        try (Statement statement = connection.createStatement()) {
            statement.execute(sql);
        }
    }

    private static Use use(String way) {
        return connection -> {
            switch (way) {
                case "commit" -> {
                    inTransaction(connection, "insert into t values ('x')");
                    connection.commit();
                }
                case "commit by text" -> {
                    inTransaction(connection, "insert into t values ('x')");
                    connection.createStatement().execute("/* now */ Commit");
                }
                case "setAutoCommit" -> {
                    inTransaction(connection, "insert into t values ('x')");
                    connection.setAutoCommit(true);
                }
                case "one statement" -> connection.createStatement().executeUpdate("insert into t values ('x')");
                case "one prepared statement" -> {
                    PreparedStatement statement = connection.prepareStatement("update t set a = ?");
                    statement.setString(1, "y");
                    statement.execute();
                }
                case "a batch" -> {
                    PreparedStatement statement = connection.prepareStatement("insert into t values (?)");
                    for (String value : new String[] {"x", "y"}) {
                        statement.setString(1, value);
                        statement.addBatch();
                    }
                    statement.executeBatch();
                }
                case "a definition" -> connection.createStatement().execute("create table if not exists made ()");
                case "a read that writes" -> connection.prepareStatement("select writes()").executeQuery();
                default -> throw new AssertionError(way);
            }
        };
    }

    /** PostgreSQL answers each of these with success. */
    @ParameterizedTest
    @ValueSource(strings = {"commit", "commit by text", "setAutoCommit", "one statement", "one prepared statement", "a batch",
        "a definition", "a read that writes"})
    void takesNoCommitForOneThatWasCancelledWhileItWaited(String way) throws Exception {
        pg.execute("drop table if exists made", "insert into t values ('before')");
        try (Connection connection = pg.primary()) {
            pg.hold();
            try {
                CompletableFuture<Void> done = begun(connection, use(way));
                pg.ask("select pg_cancel_backend(" + pg.waiting() + ")");
                ExecutionException e = assertThrows(ExecutionException.class, () -> done.get(LIMIT_SECONDS, TimeUnit.SECONDS));
                assertEquals("08007", assertInstance(e.getCause()).getSQLState());
            } finally {
                pg.release();
            }
            // What follows is judged by itself.
            connection.setAutoCommit(false);
            connection.createStatement().execute("insert into t values ('after')");
            connection.commit();
        }
    }

    private static SQLException assertInstance(Throwable thrown) {
        assertTrue(thrown instanceof SQLException, () -> String.valueOf(thrown));
        return (SQLException) thrown;
    }

    @Test
    void hearsItWhereARoleWantsNoWarnings() throws Exception {
        pg.execute("drop role if exists deaf", "create role deaf superuser login", "alter role deaf set client_min_messages = 'error'",
                "alter role deaf set lc_messages = 'C'");
        try (Connection connection = pg.primary("deaf")) {
            pg.hold();
            try {
                CompletableFuture<Void> done = begun(connection, use("commit"));
                pg.ask("select pg_cancel_backend(" + pg.waiting() + ")");
                ExecutionException e = assertThrows(ExecutionException.class, () -> done.get(LIMIT_SECONDS, TimeUnit.SECONDS));
                assertEquals("08007", assertInstance(e.getCause()).getSQLState());
            } finally {
                pg.release();
            }
        }
    }

    /** A timeout or a cancel is meant for the statement; what it wrote is then waited for. */
    @Test
    void cancelsNoCommit() throws Exception {
        try (Connection connection = pg.primary()) {
            Statement one = connection.createStatement();
            one.setQueryTimeout(1);
            Statement text = connection.createStatement();
            text.setQueryTimeout(1);
            pg.hold();
            try {
                CompletableFuture<Void> done = begun(connection, c -> one.executeUpdate("insert into t values ('one')"));
                one.cancel();
                assertGoesOn(done);
                pg.unpause();
                done.get(LIMIT_SECONDS, TimeUnit.SECONDS);
                pg.pause();
                connection.setAutoCommit(false);
                connection.createStatement().execute("insert into t values ('text')");
                done = begun(connection, c -> text.execute("COMMIT"));
                text.cancel();
                assertGoesOn(done);
                pg.unpause();
                done.get(LIMIT_SECONDS, TimeUnit.SECONDS);
                pg.pause();
            } finally {
                pg.release();
            }
            assertEquals(1, text.getQueryTimeout());
        }
        assertEquals("2", pg.ask("select count(*) from t where a in ('one', 'text')"));
    }

    /** Longer than the statement's own limit of one second. */
    private static void assertGoesOn(CompletableFuture<Void> done) {
        assertThrows(java.util.concurrent.TimeoutException.class, () -> done.get(3, TimeUnit.SECONDS));
    }

    @Test
    void stillCancelsAStatementThatCommitsByItself() throws Exception {
        try (Connection holder = pg.administrator(); Connection connection = pg.primary()) {
            pg.execute("insert into t values ('locked')");
            holder.setAutoCommit(false);
            holder.createStatement().execute("lock table t");
            Statement statement = connection.createStatement();
            statement.setQueryTimeout(1);
            SQLException e = assertThrows(SQLException.class, () -> statement.executeUpdate("update t set a = 'z'"));
            assertEquals("57014", e.getSQLState());
            holder.rollback();
            assertTrue(connection.getAutoCommit());
            assertEquals(1, connection.createStatement().executeUpdate("insert into t values ('next')"));
        }
    }

    @Test
    void aStatementThatCommitsByItselfStaysOne() throws Exception {
        try (Connection connection = pg.primary()) {
            pg.execute("truncate t");
            PreparedStatement some = connection.prepareStatement(
                    "insert into t select 'x' from generate_series(1, 10) returning b");
            some.setFetchSize(3);
            try (ResultSet rows = some.executeQuery()) {
                int count = 0;
                while (rows.next()) {
                    count++;
                }
                assertEquals(10, count);
            }
            assertEquals(3, some.getFetchSize());
            assertEquals("10", pg.ask("select count(*) from t"));
            assertThrows(SQLException.class, () -> connection.createStatement().executeUpdate("insert into child values (1)"));
            assertEquals("0", pg.ask("select count(*) from child"));
            Statement batch = connection.createStatement();
            batch.addBatch("insert into t values ('y')");
            batch.addBatch("insert into child values ('no number')");
            BatchUpdateException e = assertThrows(BatchUpdateException.class, batch::executeBatch);
            assertTrue(Arrays.stream(e.getUpdateCounts()).allMatch(n -> n == Statement.EXECUTE_FAILED));
            assertEquals("10", pg.ask("select count(*) from t"));
            assertTrue(connection.getAutoCommit());
            assertFalse(connection.isClosed());
            assertNotNull(connection.createStatement().executeQuery("select 1"));
            // What cannot stand in a transaction does not.
            connection.createStatement().execute("vacuum t");
        }
    }

    /** Another warning of that class, at a commit as well. */
    @Test
    void takesOtherWarningsForWhatTheyAre() throws Exception {
        pg.execute("create or replace function warns() returns trigger language plpgsql as $$ begin raise warning 'so'; return null; end $$",
                "drop table if exists warned", "create table warned (a int)",
                "create constraint trigger w after insert on warned deferrable initially deferred for each row execute function warns()");
        try (Connection connection = pg.primary()) {
            inTransaction(connection, "insert into warned values (1)");
            connection.commit();
            assertNotNull(connection.getWarnings());
            connection.setAutoCommit(true);
            assertEquals(1, connection.createStatement().executeUpdate("insert into warned values (1)"));
        }
        assertNull(pg.ask("select 1 from warned having count(*) <> 2"));
    }
}
