package org.hacli.standby;

import java.lang.reflect.Method;
import java.sql.BatchUpdateException;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import org.postgresql.util.PSQLException;
import org.postgresql.util.PSQLState;

/** A statement whose text may have to be changed, left out or refused; decided when it is executed. */
final class StandbyStatement extends Forwarding {

    private final StandbyConnection connection;
    private final Connection connectionProxy;
    private final Statement real;
    /** The text of a prepared statement; null for a plain one. */
    private final Sql prepared;
    private final Parameters parameters = new Parameters();
    /** The batch so far: true where the server gets the entry, false where it was left out. */
    private final List<Boolean> batch = new ArrayList<>();
    /** The update count of a statement that was left out, until it is read past; -1: none. */
    private long leftOut = -1;
    private boolean last;
    /** What a statement that was left out returns, and the keys that it would have generated. */
    private ResultSet returned;
    private ResultSet keys;
    private Keys wanted;

    StandbyStatement(StandbyConnection connection, Connection proxy, Statement real, Sql prepared, Keys wanted) {
        super(real);
        this.connection = connection;
        this.connectionProxy = proxy;
        this.real = real;
        this.prepared = prepared;
        this.wanted = wanted;
    }

    @Override
    Object answer(Object proxy, Method method, Object[] args) throws Throwable {
        String name = method.getName();
        if (prepared != null && name.startsWith("set") && args.length > 1 && args[0] instanceof Integer index) {
            parameters.put(index, method, args);
            return FORWARD;
        }
        switch (name) {
            case "clearParameters":
                parameters.clear();
                return FORWARD;
            case "getConnection":
                return connectionProxy;
            case "execute", "executeQuery", "executeUpdate", "executeLargeUpdate":
                return execute(method, args);
            case "addBatch":
                return addBatch(method, args);
            case "clearBatch":
                batch.clear();
                return FORWARD;
            case "executeBatch":
                return Arrays.stream(executeBatch(method)).mapToInt(n -> (int) n).toArray();
            case "executeLargeBatch":
                return executeBatch(method);
            case "cancel":
                connection.cancel(real);
                return null;
            case "getResultSet":
                return last ? returned : FORWARD;
            case "getGeneratedKeys":
                return last && keys != null ? keys : FORWARD;
            case "getUpdateCount":
                return last ? (Object) (int) leftOut : FORWARD;
            case "getLargeUpdateCount":
                return last ? (Object) leftOut : FORWARD;
            case "getMoreResults":
                leftOut = -1;
                returned = null;
                return last ? (Object) false : FORWARD;
            default:
                return FORWARD;
        }
    }

    private Object execute(Method method, Object[] args) throws Throwable {
        Sql sql = prepared != null ? prepared : Sql.of((String) args[0]);
        last = false;
        if (prepared == null) {
            wanted = args.length == 2 ? Keys.of(args[1]) : Keys.NONE;
        }
        if (!connection.standby()) {
            return executeOnPrimary(sql, method, args);
        }
        if (sql.withoutAsync() == null) {
            return leaveOut(method, 0); // there is no commit, nor a transaction that it would be local to
        }
        switch (decide(sql)) {
            case SEND:
                if (sql.needsTransaction()) {
                    connection.begin();
                }
                return sent(sql, () -> read(sql, method, args));
            case DROP:
                return leaveOut(method, sql);
            default:
                throw new IllegalStateException("undecided");
        }
    }

    private Object read(Sql sql, Method method, Object[] args) throws Throwable {
        if (prepared == null) {
            return forward(method, withText(args, sql.onStandby(), sql));
        }
        PreparedStatement statement = (PreparedStatement) real;
        if (connection.commitsEach() || !method.getName().equals("executeQuery") || !sql.isRead() || !LargeRead.isFor(statement)) {
            return forward(method, args);
        }
        ResultSet few = LargeRead.few(statement);
        if (few != null) {
            return few;
        }
        connection.begin();
        return connection.inPortions(sql.onStandby(), statement, parameters);
    }

    private Object executeOnPrimary(Sql sql, Method method, Object[] args) throws Throwable {
        connection.begin();
        boolean strict = StandbyDriver.strictDurability();
        if (strict && sql.withoutAsync() == null) {
            return leaveOut(method, 0);
        }
        Object[] sent = strict && prepared == null ? withText(args, sql.withoutAsync(), sql) : args;
        return sent(sql, () -> forward(method, sent));
    }

    /** Has the server execute it, and looks what became of its commit where it had one. */
    private Object sent(Sql sql, StandbyConnection.Work<Throwable> work) throws Throwable {
        Object answer = sql.kind() == Sql.Kind.COMMIT ? connection.uncancelled(() -> withoutTimeout(work))
                : connection.commitsEach() && sql.isWrite() ? connection.committed(() -> withAllRows(work))
                : work.run();
        connection.check(real);
        return answer;
    }

    private Object withoutTimeout(StandbyConnection.Work<Throwable> commit) throws Throwable {
        int timeout = real.getQueryTimeout();
        real.setQueryTimeout(0);
        try {
            return commit.run();
        } finally {
            real.setQueryTimeout(timeout);
        }
    }

    /** The rows that a write returns are fetched at once, since its commit closes what they would be fetched from. */
    private Object withAllRows(StandbyConnection.Work<Throwable> write) throws Throwable {
        int fetchSize = real.getFetchSize();
        real.setFetchSize(0);
        try {
            return write.run();
        } finally {
            real.setFetchSize(fetchSize);
        }
    }

    private static Object[] withText(Object[] args, String text, Sql sql) {
        if (sql.kind() == Sql.Kind.READ || text == null || text.equals(args[0])) {
            return args;
        }
        Object[] changed = args.clone();
        changed[0] = text;
        return changed;
    }

    private Object leaveOut(Method method, long count) throws SQLException {
        last = true;
        leftOut = count;
        returned = null;
        keys = null;
        Class<?> type = method.getReturnType();
        if (type == ResultSet.class) {
            throw new PSQLException("No results were returned by the query.", PSQLState.NO_DATA); // as PostgreSQL's driver
        }
        if (type == boolean.class) {
            return false;
        }
        return type == long.class ? (Object) count : (Object) (int) count;
    }

    /** One row was written, as far as anybody can tell: what it returns are the values that were given. */
    private Object leaveOut(Method method, Sql sql) throws Throwable {
        ResultSet rows = sql.returning() == null ? null : given(sql, sql.returning());
        ResultSet generated = wanted.wanted() ? given(sql, wanted.of(sql)) : null;
        if (rows == null) {
            Object answer = leaveOut(method, 1);
            keys = generated;
            return answer;
        }
        last = true;
        leftOut = -1;
        returned = rows;
        keys = generated;
        if (method.getReturnType() == boolean.class) {
            return true;
        }
        if (method.getReturnType() != ResultSet.class) {
            throw new PSQLException("A result was returned when none was expected.", PSQLState.TOO_MANY_RESULTS);
        }
        return rows;
    }

    /** These columns' values, in the types of their table. */
    private ResultSet given(Sql sql, List<String> columns) throws Throwable {
        String table = (sql.schema() == null ? "" : Sql.quoted(sql.schema()) + ".") + Sql.quoted(sql.table());
        PreparedStatement select = connection.lookUp("select " + Sql.quoted(columns) + " from " + table
                + " where false union all select " + String.join(", ", Collections.nCopies(columns.size(), "?")));
        select.closeOnCompletion();
        parameters.copyTo(select, columns.stream().map(column -> sql.values().get(column)).toList());
        return select.executeQuery();
    }

    private Object addBatch(Method method, Object[] args) throws Throwable {
        Sql sql = prepared != null ? prepared : Sql.of((String) args[0]);
        boolean send = !connection.standby() || decide(sql) == Bookkeeping.Verdict.SEND;
        batch.add(send);
        if (send) {
            connection.begin();
        }
        return send ? FORWARD : null;
    }

    private long[] executeBatch(Method method) throws Throwable {
        last = false;
        long[] counts = new long[batch.size()];
        Arrays.fill(counts, 1);
        List<Boolean> entries = List.copyOf(batch);
        batch.clear();
        if (!entries.isEmpty() && !entries.contains(true)) {
            return counts;
        }
        Object sent = connection.commitsEach() && !connection.standby() ? connection.committed(() -> whole(method))
                : forward(method, null);
        connection.check(real);
        long[] real = sent instanceof long[] many ? many : Arrays.stream((int[]) sent).asLongStream().toArray();
        if (real.length == counts.length) {
            return real;
        }
        for (int i = 0, k = 0; i < counts.length && k < real.length; i++) {
            if (entries.get(i)) {
                counts[i] = real[k++];
            }
        }
        return counts;
    }

    /** In one transaction none of its entries is done where one has failed. */
    private Object whole(Method method) throws Throwable {
        try {
            return forward(method, null);
        } catch (BatchUpdateException e) {
            long[] counts = new long[e.getLargeUpdateCounts().length];
            Arrays.fill(counts, Statement.EXECUTE_FAILED);
            BatchUpdateException none = new BatchUpdateException(e.getMessage(), e.getSQLState(), e.getErrorCode(), counts, e);
            none.setNextException(e.getNextException());
            throw none;
        }
    }

    /** SEND or DROP; everything else has become one of these or an exception. */
    private Bookkeeping.Verdict decide(Sql sql) throws Throwable {
        boolean own = sql.table() == null || connection.isOwn(sql.schema());
        boolean offline = isTrueFlag(parameters.text(sql, "offline_flag"));
        boolean unheeded = Rehearsal.isUnderWay() || LockOuts.isCounting();
        boolean request = RequestThread.isCurrent();
        boolean rehash = own && isRehash(sql);
        Bookkeeping.Verdict verdict = Bookkeeping.verdict(sql, own, offline, request, unheeded, rehash);
        if (verdict == Bookkeeping.Verdict.DROP && wanted.wanted() && !sql.returnsItsValues(wanted.of(sql))) {
            verdict = Bookkeeping.Verdict.REFUSE; // a key that only the database could have made
        }
        if (verdict == Bookkeeping.Verdict.DROP_IF_ABSENT) {
            verdict = isThere(sql) ? Bookkeeping.Verdict.REFUSE : Bookkeeping.Verdict.DROP;
        }
        boolean refused = verdict == Bookkeeping.Verdict.REFUSE
                || verdict == Bookkeeping.Verdict.DROP_AND_REFUSE_REQUEST;
        // The last word before a refusal is the server's: the first write after a promotion must pass.
        if (refused && !connection.standbyForSure()) {
            return Bookkeeping.Verdict.SEND;
        }
        if (verdict == Bookkeeping.Verdict.REFUSE) {
            throw new WriteRefused(sql);
        }
        if (verdict == Bookkeeping.Verdict.DROP_AND_REFUSE_REQUEST) {
            WriteRefused.mark();
            // Keycloak has cached the session by now; without a row, and not "made here", the comparison ends it.
            SessionComparison.requestFromAnyThread();
            return Bookkeeping.Verdict.DROP;
        }
        if (verdict == Bookkeeping.Verdict.DROP && sql.kind() == Sql.Kind.INSERT
                && Bookkeeping.SESSION_TABLES.contains(sql.table())) {
            remember(sql, offline);
        }
        return verdict;
    }

    private void remember(Sql sql, boolean offline) {
        String userSession = parameters.text(sql, "user_session_id");
        if (sql.table().equals("offline_user_session")) {
            MadeHere.add(SessionKey.user(offline, userSession), offline ? null : parameters.text(sql, "user_id"));
        } else {
            MadeHere.add(SessionKey.client(offline, userSession, parameters.text(sql, "client_id"),
                    parameters.text(sql, "client_storage_provider"), parameters.text(sql, "external_client_id")), null);
        }
    }

    /** Keycloak stores the flag as a text, '1' or '0'. */
    private static boolean isTrueFlag(String flag) {
        return "1".equals(flag) || "true".equals(flag);
    }

    private boolean isRehash(Sql sql) throws Throwable {
        Rehash rehash = Rehash.of(sql);
        if (rehash == null) {
            return false;
        }
        try (PreparedStatement select = connection.lookUp(Rehash.lookUp(sql))) {
            parameters.copyTo(select, rehash.values());
            try (ResultSet rows = select.executeQuery()) {
                return rows.next();
            }
        }
    }

    private boolean isThere(Sql sql) throws Throwable {
        try (PreparedStatement select = connection.lookUp(sql.onStandby())) {
            parameters.copyTo(select);
            select.setMaxRows(1);
            try (ResultSet rows = select.executeQuery()) {
                return rows.next();
            }
        }
    }
}
