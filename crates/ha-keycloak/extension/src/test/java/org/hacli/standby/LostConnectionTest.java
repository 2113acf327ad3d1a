package org.hacli.standby;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.sql.Connection;
import java.sql.SQLException;
import java.util.Properties;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;

class LostConnectionTest {

    private final AtomicBoolean gone = new AtomicBoolean(true);
    private final Connection connection = LostConnection.because(new SQLException("refused", "08001"), gone::get);

    @AfterEach
    void isBack() {
        StandbyDriver.CONNECTING.back();
    }

    private static String stateOf(Executable use) {
        SQLException thrown = assertThrows(SQLException.class, use);
        assertTrue(ConnectionLost.is(thrown));
        return thrown.getSQLState();
    }

    @Test
    void everyUseFailsAndNothingIsCommitted() {
        assertEquals("57P03", stateOf(() -> connection.prepareStatement("SELECT 1")));
        assertEquals("57P03", stateOf(connection::createStatement));
        assertEquals("57P03", stateOf(connection::commit));
        assertEquals("57P03", stateOf(() -> connection.unwrap(Connection.class)));
    }

    @Test
    void isThrownAwayOnceTheDatabaseIsBack() {
        gone.set(false);
        assertTrue(stateOf(connection::createStatement).startsWith("08"));
    }

    /** What Agroal and Hibernate ask and set before and after its use. */
    @Test
    void letsItselfBePooled() throws SQLException {
        assertTrue(connection.getAutoCommit());
        connection.setAutoCommit(false);
        assertFalse(connection.getAutoCommit());
        connection.setTransactionIsolation(Connection.TRANSACTION_READ_COMMITTED);
        assertEquals(Connection.TRANSACTION_READ_COMMITTED, connection.getTransactionIsolation());
        connection.clearWarnings();
        connection.rollback();
        assertFalse(connection.isValid(1));
        assertFalse(connection.isClosed());
        connection.close();
        assertTrue(connection.isClosed());
    }

    @Test
    void theDriverHandsItOutWhereTheDatabaseWasThereBefore() throws SQLException {
        StandbyDriver.CONNECTING.back();
        assertEquals("08006", stateOf(connect()::createStatement)); // refused: nobody listens
        StandbyDriver.CONNECTING.gone();
        Connection lost = connect();
        assertEquals("57P03", stateOf(lost::createStatement));
        StandbyDriver.CONNECTING.back();
        assertEquals("08006", stateOf(lost::createStatement));
    }

    private static Connection connect() throws SQLException {
        return new StandbyDriver().connect("jdbc:postgresql://127.0.0.1:1/none", new Properties());
    }
}
