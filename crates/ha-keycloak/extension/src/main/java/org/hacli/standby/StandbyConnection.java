package org.hacli.standby;

import java.lang.reflect.Method;
import java.sql.CallableStatement;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.SQLWarning;
import java.sql.Statement;
import java.util.function.Supplier;
import org.postgresql.PGConnection;

/**
 * Hands out {@link StandbyStatement}s, and looks what each commit has really come to.
 *
 * <p>On a standby no transaction is begun: each statement stands alone. Keycloak reads at READ COMMITTED, where each has
 * a snapshot of its own anyway. But a transaction keeps its locks on the tables that it has read until it ends, and
 * replay waits for them wherever the primary has locked a table exclusively, as VACUUM does when it gives pages back: with
 * {@code max_standby_streaming_delay} the server ends the session, and the request that is slow just then fails.
 */
final class StandbyConnection extends Forwarding {

    /** Keycloak's schema, as far as its configuration names one. */
    static volatile Supplier<String> SCHEMA = () -> null;

    private final Connection real;
    private final PGConnection reported;
    /** As the pool has set it; the real connection's own stays on until there is a transaction to begin. */
    private boolean autoCommit = true;
    private boolean readCommitted = true;
    private String ownSchema;
    /** Held while a cancel is sent: none may arrive under the COMMIT that follows. */
    private final Object cancelling = new Object();
    private volatile boolean committing;

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
                return new StandbyStatement(this, (Connection) proxy, (Statement) forward(method, args), null, Keys.NONE)
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
            case "commit":
                if (!isWithoutTransaction()) {
                    commit();
                }
                return null;
            case "rollback":
                if (args != null) {
                    return FORWARD; // to a savepoint
                }
                if (!isWithoutTransaction()) {
                    real.rollback();
                    ended();
                }
                return null;
            case "toString":
                return "StandbyConnection[" + real + "]";
            default:
                return FORWARD;
        }
    }

    private void setAutoCommit(boolean on) throws SQLException {
        autoCommit = on;
        if (on || !readCommitted || !standby()) {
            uncancelled(() -> {
                real.setAutoCommit(on); // "on" commits
                return null;
            });
            check(real.getWarnings());
        }
    }

    private void commit() throws SQLException {
        uncancelled(() -> {
            real.commit();
            return null;
        });
        check(real.getWarnings());
        ended();
    }

    /** On a standby the next statement stands alone again. */
    private void ended() throws SQLException {
        if (!autoCommit && readCommitted && standby()) {
            real.setAutoCommit(true);
        }
    }

    @FunctionalInterface
    interface Work<E extends Throwable> {
        Object run() throws E;
    }

    /** Does what commits, while no statement of this connection sends a cancel. */
    <E extends Throwable> Object uncancelled(Work<E> commit) throws E {
        synchronized (cancelling) {
            committing = true;
        }
        try {
            return commit.run();
        } finally {
            committing = false;
        }
    }

    /** Cancels what a statement does, but no COMMIT: it waits for a standby, and would end as if it had succeeded. */
    void cancel(Statement statement) throws SQLException {
        synchronized (cancelling) {
            if (!committing) {
                statement.cancel();
            }
        }
    }

    /** @throws CommitUnknown if these warnings say that a standby may not have what was committed */
    private void check(SQLWarning warnings) throws SQLException {
        CommitUnknown unknown = CommitUnknown.toldBy(warnings);
        if (unknown != null) {
            real.clearWarnings(); // a later commit has its own
            throw unknown;
        }
    }

    /** The same for a statement that commits by itself, or calls what commits. */
    void check(Statement executed) throws SQLException {
        check(executed.getWarnings());
    }

    /** Whether each statement is a transaction of its own. */
    boolean commitsEach() {
        return autoCommit;
    }

    /**
     * Runs a statement that commits by itself, and its COMMIT apart from it: a query timeout or a cancel is meant for the
     * statement, and would also end the wait for the standby that follows.
     */
    Object committed(Work<Throwable> statement) throws Throwable {
        Object answer;
        real.setAutoCommit(false);
        try {
            answer = statement.run();
            commit();
        } catch (Throwable e) {
            try {
                real.rollback();
                real.setAutoCommit(true);
            } catch (SQLException alsoFailed) {
                e.addSuppressed(alsoFailed);
            }
            throw e;
        }
        real.setAutoCommit(true);
        return answer;
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
        Object[] changed = args.clone();
        if (standby && sql.isRead()) {
            changed[0] = sql.onStandby();
        } else if (!standby && StandbyDriver.strictDurability() && sql.withoutAsync() != null) {
            changed[0] = sql.withoutAsync();
        }
        if (standby && sql.isRead() && type == PreparedStatement.class && (args.length == 1 || isForward(args))) {
            // Forwards is how it is read: LargeRead alone goes back.
            PreparedStatement statement = real.prepareStatement((String) changed[0], ResultSet.TYPE_SCROLL_INSENSITIVE,
                    ResultSet.CONCUR_READ_ONLY);
            return new StandbyStatement(this, proxy, statement, sql, Keys.NONE).proxy(type);
        }
        Keys keys = args.length == 2 ? Keys.of(args[1]) : Keys.NONE;
        return new StandbyStatement(this, proxy, type.cast(forward(method, changed)), sql, keys).proxy(type);
    }

    private static boolean isForward(Object[] args) {
        return args.length == 3 && args[1].equals(ResultSet.TYPE_FORWARD_ONLY) && args[2].equals(ResultSet.CONCUR_READ_ONLY);
    }

    ResultSet inPortions(String text, PreparedStatement like, Parameters parameters) throws SQLException {
        return LargeRead.inPortions(real, text, like, parameters);
    }

    /** Whether a table that a statement names with that schema, or with none (null), is one of Keycloak's. */
    boolean isOwn(String named) throws SQLException {
        if (ownSchema == null) {
            ownSchema = SCHEMA.get();
            if (ownSchema == null) {
                ownSchema = real.getSchema();
            }
        }
        return named == null || named.equals(ownSchema);
    }

    /** Prepares a SELECT of the driver's own. */
    PreparedStatement lookUp(String sql) throws SQLException {
        return real.prepareStatement(sql);
    }
}
