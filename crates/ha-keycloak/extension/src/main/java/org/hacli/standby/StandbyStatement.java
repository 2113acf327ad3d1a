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
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** A statement whose text may have to be changed, left out or refused; decided when it is executed. */
final class StandbyStatement extends Forwarding {

    private final StandbyConnection connection;
    private final Connection connectionProxy;
    private final Statement real;
    /** The text of a prepared statement; null for a plain one. */
    private final Sql prepared;
    private final Map<Integer, Parameter> parameters = new TreeMap<>();
    /** The batch so far: true where the server gets the entry, false where it was left out. */
    private final List<Boolean> batch = new ArrayList<>();
    /** The update count of a statement that was left out, until it is read past; -1: none. */
    private long leftOut = -1;
    private boolean last;

    private record Parameter(Method setter, Object[] args) { }

    StandbyStatement(StandbyConnection connection, Connection proxy, Statement real, Sql prepared) {
        super(real);
        this.connection = connection;
        this.connectionProxy = proxy;
        this.real = real;
        this.prepared = prepared;
    }

    @Override
    Object answer(Object proxy, Method method, Object[] args) throws Throwable {
        String name = method.getName();
        if (prepared != null && name.startsWith("set") && args.length > 1 && args[0] instanceof Integer index) {
            parameters.put(index, new Parameter(method, args));
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
                return last ? null : FORWARD;
            case "getUpdateCount":
                return last ? (Object) (int) leftOut : FORWARD;
            case "getLargeUpdateCount":
                return last ? (Object) leftOut : FORWARD;
            case "getMoreResults":
                leftOut = -1;
                return last ? (Object) false : FORWARD;
            default:
                return FORWARD;
        }
    }

    private Object execute(Method method, Object[] args) throws Throwable {
        Sql sql = prepared != null ? prepared : Sql.of((String) args[0]);
        last = false;
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
                return sent(sql, () -> forward(method, prepared != null ? args : withText(args, sql.onStandby(), sql)));
            case DROP:
                return leaveOut(method, 1);
            default:
                throw new IllegalStateException("undecided");
        }
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

    private Object leaveOut(Method method, long count) {
        last = true;
        leftOut = count;
        Class<?> type = method.getReturnType();
        if (type == boolean.class) {
            return false;
        }
        return type == long.class ? (Object) count : (Object) (int) count;
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
        boolean offline = isTrueFlag(value(sql, "offline_flag"));
        boolean unheeded = Thread.currentThread().getName().startsWith("Timer-") || Rehearsal.isUnderWay();
        boolean request = RequestThread.isCurrent();
        boolean rehash = sql.kind() == Sql.Kind.UPDATE && "credential".equals(sql.table()) && isRehash();
        Bookkeeping.Verdict verdict = Bookkeeping.verdict(sql, offline, request, unheeded, rehash);
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
        String userSession = value(sql, "user_session_id");
        MadeHere.add(sql.table().equals("offline_user_session") ? SessionKey.user(offline, userSession)
                : SessionKey.client(offline, userSession, value(sql, "client_id"),
                        value(sql, "client_storage_provider"), value(sql, "external_client_id")));
    }

    private String value(Sql sql, String column) {
        Sql.Value value = sql.values().get(column);
        if (value == null) {
            return null;
        }
        if (value.parameter() == 0) {
            return value.literal();
        }
        Parameter parameter = parameters.get(value.parameter());
        return parameter == null || parameter.setter.getName().equals("setNull") ? null
                : String.valueOf(parameter.args[1]);
    }

    /** Keycloak stores the flag as a text, '1' or '0'. */
    private static boolean isTrueFlag(String flag) {
        return "1".equals(flag) || "true".equals(flag);
    }

    /** Keycloak renews a hash after the login, in a transaction of its own, and forgives that it fails. */
    private static boolean isRehash() {
        return StackWalker.getInstance().walk(frames -> frames.anyMatch(frame ->
                frame.getClassName().startsWith("org.keycloak.credential.PasswordCredentialProvider$")));
    }

    private boolean isThere(Sql sql) throws Throwable {
        try (PreparedStatement select = connection.lookUp(sql.onStandby())) {
            for (Parameter parameter : parameters.values()) {
                parameter.setter.invoke(select, parameter.args);
            }
            select.setMaxRows(1);
            try (ResultSet rows = select.executeQuery()) {
                return rows.next();
            }
        }
    }
}
