package org.hacli.standby;

import java.lang.reflect.Method;
import java.sql.CallableStatement;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import org.postgresql.PGConnection;

/** Hands out PostgreSQL's own statements where nothing can need changing, otherwise a {@link StandbyStatement}. */
final class StandbyConnection extends Forwarding {

    private final Connection real;
    private final PGConnection reported;

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
            case "toString":
                return "StandbyConnection[" + real + "]";
            default:
                return FORWARD;
        }
    }

    private <T extends Statement> Object prepare(Connection proxy, Method method, Object[] args, Class<T> type)
            throws Throwable {
        Sql sql = Sql.of((String) args[0]);
        boolean standby = standby();
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
