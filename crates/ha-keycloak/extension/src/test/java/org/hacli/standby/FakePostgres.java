package org.hacli.standby;

import java.lang.reflect.InvocationHandler;
import java.lang.reflect.Proxy;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import org.postgresql.PGConnection;

/** A connection that keeps what it is sent, for what a real server cannot be made to show at will. */
final class FakePostgres {

    /** What the connection has last been told, and what the server would say if it were asked. */
    boolean reportedStandby;
    boolean standby;
    boolean lookUpFinds;
    /** The real connection's own. */
    boolean autoCommit = true;
    /** What an update fails with; null: with nothing. */
    SQLException failure;
    final List<String> sent = new ArrayList<>();
    private int batched;

    final Connection connection;

    FakePostgres(boolean standby) throws Exception {
        this.standby = standby;
        this.reportedStandby = standby;
        this.connection = StandbyConnection.wrap(fake(Connection.class, (p, m, a) -> switch (m.getName()) {
            case "getSchema" -> "public";
            case "unwrap" -> fake(PGConnection.class, (q, n, b) -> reportedStandby ? "on" : "off");
            case "createStatement" -> statement(Statement.class, null);
            case "prepareStatement" -> statement(PreparedStatement.class, (String) a[0]);
            case "getAutoCommit" -> autoCommit;
            case "setAutoCommit" -> {
                autoCommit = (Boolean) a[0];
                yield null;
            }
            case "commit", "rollback" -> {
                if (autoCommit) {
                    throw new SQLException("Cannot " + m.getName() + " when autoCommit is enabled."); // as PostgreSQL's driver
                }
                sent.add(m.getName());
                yield null;
            }
            default -> null;
        }));
    }

    private <T extends Statement> T statement(Class<T> type, String prepared) {
        return fake(type, (p, m, a) -> {
            String text = prepared != null ? prepared : a == null || !(a[0] instanceof String) ? null : (String) a[0];
            switch (m.getName()) {
                case "executeUpdate":
                    if (failure != null) {
                        throw failure;
                    }
                    sent.add(text);
                    return 5;
                case "executeLargeUpdate":
                    sent.add(text);
                    return 5L;
                case "execute":
                    sent.add(text);
                    return true;
                case "executeQuery":
                    if (!text.equals("SHOW in_hot_standby")) {
                        sent.add(text);
                    }
                    return rows(text);
                case "addBatch":
                    batched++;
                    sent.add(text);
                    return null;
                case "executeBatch":
                    int[] counts = new int[batched];
                    java.util.Arrays.fill(counts, 7);
                    batched = 0;
                    return counts;
                case "getUpdateCount":
                    return 5;
                case "getMoreResults":
                    return false;
                default:
                    return m.getReturnType() == int.class ? 0 : null;
            }
        });
    }

    private ResultSet rows(String text) {
        boolean show = text.equals("SHOW in_hot_standby");
        return fake(ResultSet.class, (p, m, a) -> switch (m.getName()) {
            case "next" -> show || lookUpFinds;
            case "getString" -> standby ? "on" : "off";
            default -> null;
        });
    }

    private static <T> T fake(Class<T> type, InvocationHandler handler) {
        return type.cast(Proxy.newProxyInstance(FakePostgres.class.getClassLoader(), new Class<?>[] {type}, handler));
    }
}
