package org.hacli.standby;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.sql.SQLException;
import java.util.concurrent.CompletableFuture;
import java.util.logging.Level;
import java.util.logging.LogRecord;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class ConnectionLostTest {

    private static final SQLException SHUTDOWN =
            new SQLException("terminating connection due to administrator command", "57P01");

    @AfterEach
    void forget() {
        Role.lost();
    }

    /** On a thread of that name; fails as the work fails. */
    private static void on(String name, ThrowingWork work) throws Exception {
        CompletableFuture<Void> done = new CompletableFuture<>();
        Thread thread = new Thread(() -> {
            try {
                work.run();
                done.complete(null);
            } catch (Throwable e) {
                done.completeExceptionally(e);
            }
        }, name);
        thread.start();
        done.get();
    }

    @FunctionalInterface
    private interface ThrowingWork {
        void run() throws Exception;
    }

    private static void updateThatFailsWith(SQLException failure) throws Exception {
        FakePostgres pg = new FakePostgres(false);
        pg.failure = failure;
        assertSame(failure, assertThrows(SQLException.class,
                () -> pg.connection.createStatement().executeUpdate("update user_entity set email = 'x'")));
    }

    @Test
    void knowsABrokenConnection() {
        for (String state : new String[] {"57P01", "57P02", "57P03", "08000", "08003", "08006", "08001", "40001"}) {
            assertTrue(ConnectionLost.is(new SQLException("x", state)), state);
        }
        for (String state : new String[] {"57014", "40P01", "25006", "23505", null}) {
            assertFalse(ConnectionLost.is(new SQLException("x", state)), state);
        }
        assertFalse(ConnectionLost.is(new IllegalStateException("57P01")));
    }

    @Test
    void marksTheRequestWhoseConnectionBroke() throws Exception {
        on("executor-thread-1", () -> {
            updateThatFailsWith(SHUTDOWN);
            assertTrue(ConnectionLost.isMarked());
            assertEquals("its connection to the database broke", ConnectionLost.takeMark());
            assertNull(ConnectionLost.takeMark());
            updateThatFailsWith(new SQLException("canceling statement due to conflict with recovery", "40001"));
            assertEquals("its query was in the way of the replay", ConnectionLost.takeMark());
            updateThatFailsWith(new SQLException("duplicate key", "23505"));
            assertFalse(ConnectionLost.isMarked());
        });
        on("Timer-0", () -> {
            updateThatFailsWith(SHUTDOWN);
            assertFalse(ConnectionLost.isMarked());
        });
    }

    @Test
    void quietsOnlyWhatTheRequestFilterTells() throws Exception {
        LogRecord record = new LogRecord(Level.SEVERE, "Uncaught server error");
        record.setThrown(new RuntimeException(new RuntimeException(SHUTDOWN)));
        LogRecord other = new LogRecord(Level.SEVERE, "Uncaught server error");
        other.setThrown(new RuntimeException(new SQLException("duplicate key", "23505")));
        assertTrue(QuietLog.isLoggable(record));
        on("Timer-0", () -> assertTrue(QuietLog.isLoggable(record)));
        on("executor-thread-1", () -> {
            assertTrue(QuietLog.isRemarkLoggable(other));
            assertFalse(QuietLog.isLoggable(record));
            assertTrue(ConnectionLost.isMarked()); // the request filter tells of it
            assertTrue(QuietLog.isLoggable(other));
            assertFalse(QuietLog.isRemarkLoggable(other));
        });
    }

    /** Hibernate 6.6 and 7 tell the SQLState first, and then the message, without the exception. */
    @Test
    void quietsThePairOfLinesOfHibernate() throws Exception {
        LogRecord message = new LogRecord(Level.SEVERE, "FATAL: terminating connection due to administrator command");
        LogRecord state = new LogRecord(Level.WARNING, "SQL Error: 0, SQLState: 57P01");
        LogRecord parameters = new LogRecord(Level.WARNING, "HHH000247: ErrorCode: %s, SQLState: %s");
        parameters.setParameters(new Object[] {0, "08006"});
        LogRecord duplicate = new LogRecord(Level.WARNING, "SQL Error: 0, SQLState: 23505");
        for (LogRecord first : new LogRecord[] {state, parameters}) {
            on("executor-thread-1", () -> {
                assertTrue(QuietLog.isSqlErrorLoggable(duplicate));
                assertTrue(QuietLog.isSqlErrorLoggable(message));
                assertFalse(QuietLog.isSqlErrorLoggable(first));
                assertFalse(QuietLog.isSqlErrorLoggable(message));
            });
            on("Timer-0", () -> assertTrue(QuietLog.isSqlErrorLoggable(first)));
        }
    }
}
