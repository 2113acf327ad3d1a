package org.hacli.standby;

import java.lang.reflect.Method;
import java.sql.CallableStatement;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import org.postgresql.PGConnection;

/**
 * Hands out PostgreSQL's own statements where nothing can need changing, otherwise a {@link StandbyStatement}.
 *
 * <p>On a standby no transaction is begun: each statement stands alone. Keycloak reads at READ COMMITTED, where each has
 * a snapshot of its own anyway. But a transaction keeps its locks on the tables that it has read until it ends, and
 * replay waits for them wherever the primary has locked a table exclusively, as VACUUM does when it gives pages back: with
 * {@code max_standby_streaming_delay} the server ends the session, and the request that is slow just then fails.
 */
final class StandbyConnection extends Forwarding {

    private final Connection real;
    private final PGConnection reported;
    /** As the pool has set it; the real connection's own stays on until there is a transaction to begin. */
    private boolean autoCommit = true;
    private boolean readCommitted = true;

    private StandbyConnection(Connection real) throws SQLException {
        super(real);
        this.real = real;
        this.reported = real.unwrap(PGConnection.class);
    }

    static Connection wrap(Connection real) throws SQLException {
        return new StandbyConnection(real).proxy(Connection.class);
    }

    /**
     * Whether the server is in recovery. PostgreSQL reports {@code in_hot_standby} and its change by itself, but the
     * report is read with the next answer: on an idle pooled connection "on" may be out of date after a promotion
     * ("off" cannot be: a demotion ends the connection). Where the poller has seen another role, ask.
     */
    boolean standby() throws SQLException {
        return "on".equals(reported.getParameterStatus("in_hot_standby"))
                && (Role.now().mode() != Role.Mode.READ_WRITE || standbyForSure());
    }

    /** Asks the server. In a transaction that has failed already nothing can be asked: then "on" stands. */
    boolean standbyForSure() {
        try (Statement statement = real.createStatement();
             ResultSet row = statement.executeQuery("SHOW in_hot_standby")) {
            return !row.next() || !"off".equals(row.getString(1));
        } catch (SQLException e) {
            return true;
        }
    }

    @Override
    Object answer(Object proxy, Method method, Object[] args) throws Throwable {
        switch (method.getName()) {
            case "createStatement":
                return new StandbyStatement(this, (Connection) proxy, (Statement) forward(method, args), null)
                        .proxy(Statement.class);
            case "prepareStatement":
                return prepare((Connection) proxy, method, args, PreparedStatement.class);
            case "prepareCall":
                return prepare((Connection) proxy, method, args, CallableStatement.class);
            case "setAutoCommit":
                setAutoCommit((Boolean) args[0]);
                return null;
            case "getAutoCommit":
                return autoCommit;
            case "setTransactionIsolation": // others see one snapshot in all of a transaction
                readCommitted = (Integer) args[0] == Connection.TRANSACTION_READ_COMMITTED;
                return FORWARD;
            case "setSavepoint":
                begin();
                return FORWARD;
            case "commit", "rollback":
                return isWithoutTransaction() ? null : FORWARD;
            case "toString":
                return "StandbyConnection[" + real + "]";
            default:
                return FORWARD;
        }
    }

    private void setAutoCommit(boolean on) throws SQLException {
        autoCommit = on;
        if (on || !readCommitted || !standby()) {
            real.setAutoCommit(on);
        }
    }

    private boolean isWithoutTransaction() throws SQLException {
        return !autoCommit && real.getAutoCommit();
    }

    /** Has what follows be one transaction, where the pool wants that: before anything that may write. */
    void begin() throws SQLException {
        if (isWithoutTransaction()) {
            real.setAutoCommit(false);
        }
    }

    private <T extends Statement> Object prepare(Connection proxy, Method method, Object[] args, Class<T> type)
            throws Throwable {
        Sql sql = Sql.of((String) args[0]);
        boolean standby = standby();
        if (!standby) {
            begin(); // PostgreSQL's own statement would not ask again
        }
        if (sql.kind() == Sql.Kind.READ || !standby && !StandbyDriver.strictDurability()) {
            return forward(method, args);
        }
        Object[] changed = args.clone();
        if (standby && sql.kind() == Sql.Kind.LOCKING_READ) {
            changed[0] = sql.onStandby();
            return forward(method, changed);
        }
        if (!standby && sql.withoutAsync() != null) {
            changed[0] = sql.withoutAsync();
            return forward(method, changed);
        }
        return new StandbyStatement(this, proxy, type.cast(forward(method, args)), sql).proxy(type);
    }

    /** Prepares a SELECT of the driver's own. */
    PreparedStatement lookUp(String sql) throws SQLException {
        return real.prepareStatement(sql);
    }
}
