package org.hacli.standby;

import java.lang.reflect.InvocationHandler;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.SQLNonTransientConnectionException;
import java.sql.SQLTransientConnectionException;
import java.util.function.BooleanSupplier;

/**
 * What the pool gets in the place of a connection that cannot be made: one that fails at its first use. Agroal 3
 * waits for a second after a connection that could not be made, and then tries once more ("AG-274"); the request would
 * wait with it, and its client would not ask the other node meanwhile.
 */
final class LostConnection implements InvocationHandler {

    private static final String CANNOT_CONNECT_NOW = "57P03"; // Agroal keeps it, and the next one who waits gets it at once
    private static final String CONNECTION_FAILURE = "08006"; // Agroal throws it away

    private final SQLException cause;
    private final BooleanSupplier gone;
    private boolean autoCommit = true;
    private boolean closed;

    private LostConnection(SQLException cause, BooleanSupplier gone) {
        this.cause = cause;
        this.gone = gone;
    }

    /** As long as the database is {@code gone}, it stays in the pool; otherwise its first failure is its end. */
    static Connection because(SQLException cause, BooleanSupplier gone) {
        return (Connection) Proxy.newProxyInstance(LostConnection.class.getClassLoader(), new Class<?>[] {Connection.class},
                new LostConnection(cause, gone));
    }

    /** Answers what a pool asks and sets on its own; there is nothing to roll back. All else fails, a commit too. */
    @Override
    public Object invoke(Object proxy, Method method, Object[] args) throws SQLException {
        switch (method.getName()) {
            case "equals":
                return proxy == args[0];
            case "hashCode":
                return System.identityHashCode(proxy);
            case "toString":
                return "LostConnection";
            case "setAutoCommit":
                autoCommit = (Boolean) args[0];
                return null;
            case "getAutoCommit":
                return autoCommit;
            case "getTransactionIsolation":
                return Connection.TRANSACTION_READ_COMMITTED;
            case "close", "abort":
                closed = true;
                return null;
            case "isClosed":
                return closed;
            case "isValid", "isWrapperFor", "isReadOnly":
                return false;
            case "getHoldability": // as PostgreSQL's own: a pool may give to others what the first one says
                return ResultSet.CLOSE_CURSORS_AT_COMMIT;
            case "getNetworkTimeout":
                return 0;
            case "setTransactionIsolation", "setReadOnly", "setHoldability", "setNetworkTimeout", "rollback", "getWarnings",
                    "clearWarnings":
                return null;
            default:
                ConnectionLost.mark(CONNECTION_FAILURE);
                Poller.lookNow();
                throw gone.getAsBoolean()
                        ? new SQLTransientConnectionException(cause.getMessage(), CANNOT_CONNECT_NOW, cause)
                        : new SQLNonTransientConnectionException(cause.getMessage(), CONNECTION_FAILURE, cause);
        }
    }
}
