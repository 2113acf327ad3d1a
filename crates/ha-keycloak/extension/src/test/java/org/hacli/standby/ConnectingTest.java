package org.hacli.standby;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import java.lang.reflect.Proxy;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.SQLTransientConnectionException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class ConnectingTest {

    private final Connecting connecting = new Connecting();

    private static Connection connection(CountDownLatch closed) {
        return (Connection) Proxy.newProxyInstance(ConnectingTest.class.getClassLoader(),
                new Class<?>[] {Connection.class}, (proxy, method, args) -> {
                    if (method.getName().equals("close")) {
                        closed.countDown();
                    }
                    return null;
                });
    }

    @Test
    void handsOutWhatWasMade() throws Exception {
        Connection made = connection(new CountDownLatch(1));
        assertSame(made, connecting.connect(() -> made));
        assertNull(connecting.connect(() -> null));
    }

    @Test
    void aFailureIsTheServersOwn() {
        SQLException own = new SQLException("password authentication failed", "28P01");
        assertSame(own, assertThrows(SQLException.class, () -> connecting.connect(() -> {
            throw own;
        })));
    }

    @Test
    void oneUnderWayIsGivenUpWhenTheDatabaseGoesAndClosedWhenItComesAllTheSame() throws Exception {
        CountDownLatch begun = new CountDownLatch(1);
        CountDownLatch answered = new CountDownLatch(1);
        CountDownLatch closed = new CountDownLatch(1);
        CompletableFuture<Connection> request = CompletableFuture.supplyAsync(() -> {
            try {
                return connecting.connect(() -> {
                    begun.countDown();
                    try {
                        answered.await(10, TimeUnit.SECONDS);
                    } catch (InterruptedException e) {
                        throw new SQLException(e);
                    }
                    return connection(closed);
                });
            } catch (SQLException e) {
                throw new IllegalStateException(e);
            }
        });
        assertTrue(begun.await(10, TimeUnit.SECONDS));
        connecting.gone();
        ExecutionException failed = assertThrows(ExecutionException.class, () -> request.get(5, TimeUnit.SECONDS));
        SQLException cause = (SQLTransientConnectionException) failed.getCause().getCause();
        assertEquals("08001", cause.getSQLState());
        answered.countDown();
        assertTrue(closed.await(10, TimeUnit.SECONDS));
    }

    @Test
    void nothingConnectsUntilTheDatabaseIsBack() throws Exception {
        connecting.gone();
        assertThrows(SQLTransientConnectionException.class, () -> connecting.connect(() -> fail("asked")));
        connecting.back();
        Connection made = connection(new CountDownLatch(1));
        assertSame(made, connecting.connect(() -> made));
    }
}
