package org.hacli.standby;

import java.sql.Connection;
import java.sql.SQLException;
import java.sql.SQLTransientConnectionException;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;

/**
 * Makes the pool's connections, and gives those up that are under way when the database turns out to be gone. Where its
 * host is gone as well, nobody refuses: the kernel asks again after a second, and the request that waits keeps its client
 * from asking the other node.
 */
final class Connecting {

    private static final String SQL_STATE = "08001"; // sqlclient_unable_to_establish_sqlconnection

    private final Set<CompletableFuture<Connection>> underWay = ConcurrentHashMap.newKeySet();
    private volatile boolean gone;
    private volatile boolean wasThere;

    @FunctionalInterface
    interface Maker {
        Connection make() throws SQLException;
    }

    /** There was a database, and it is gone: nothing connects before {@link #back}. */
    void gone() {
        gone = true;
        underWay.forEach(connection -> connection.completeExceptionally(refused()));
    }

    /** The database answers: for the first time, or again. */
    void back() {
        wasThere = true;
        gone = false;
    }

    boolean isGone() {
        return gone;
    }

    /** Whether the database has ever answered. */
    boolean wasThere() {
        return wasThere;
    }

    /** The connection; fails at once when the database is gone or is lost meanwhile. */
    Connection connect(Maker maker) throws SQLException {
        CompletableFuture<Connection> connection = new CompletableFuture<>();
        underWay.add(connection);
        try {
            if (gone) { // only now that gone() would find this one
                throw refused();
            }
            Thread thread = new Thread(() -> make(maker, connection), "ha-standby-connect");
            thread.setDaemon(true);
            thread.start();
            return connection.get();
        } catch (InterruptedException e) {
            connection.completeExceptionally(e);
            Thread.currentThread().interrupt();
            throw new SQLTransientConnectionException("interrupted while connecting", SQL_STATE, e);
        } catch (ExecutionException e) {
            if (e.getCause() instanceof SQLException cause) {
                throw cause;
            }
            throw new SQLException(e.getCause());
        } finally {
            underWay.remove(connection);
        }
    }

    private static void make(Maker maker, CompletableFuture<Connection> connection) {
        try {
            Connection made = maker.make();
            if (!connection.complete(made) && made != null) {
                made.close(); // nobody waits for it any more
            }
        } catch (Throwable e) { // an Error, too, belongs to the thread that waits
            connection.completeExceptionally(e);
        }
    }

    private static SQLException refused() {
        return new SQLTransientConnectionException("the database does not answer", SQL_STATE);
    }
}
