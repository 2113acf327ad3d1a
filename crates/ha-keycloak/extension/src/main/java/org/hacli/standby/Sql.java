package org.hacli.standby;

import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * What the driver must know of one SQL text. Anything this class does not understand is an {@link Kind#OTHER}, which
 * a standby refuses.
 *
 * @param kind         what the text does
 * @param table        the table of an INSERT, UPDATE or DELETE without its schema, otherwise null
 * @param schema       the schema that the text names for it; null: none
 * @param onStandby    the text to send to a standby instead: a read without its row locks; for a DELETE the SELECT
 *                     that finds what it would delete (null if there is no such SELECT)
 * @param withoutAsync the text to send where a commit must stay synchronous; null: leave the statement out
 * @param values       of an INSERT: column to its value token, parameters counted in {@link Value#parameter}
 * @param returning    what the write returns; null: no rows
 */
record Sql(Kind kind, String schema, String table, String onStandby, String withoutAsync, Map<String, Value> values,
           List<String> returning) {

    enum Kind {
        READ, LOCKING_READ,
        /** A read whose effect lasts until its transaction ends: it needs one. */
        READ_IN_TRANSACTION,
        COMMIT, INSERT, UPDATE, DELETE,
        /** Another write of rows: MERGE, a common table expression that writes, an INSERT of several rows. */
        WRITE,
        OTHER, ASYNC_COMMIT
    }

    /** A value of an INSERT: a JDBC parameter (counted from 1), or else the literal. */
    record Value(int parameter, String literal) { }

    /** A RETURNING of more than plain columns. */
    static final List<String> EXPRESSIONS = List.of();

    private static final Set<String> READS = Set.of("select", "values", "table", "show", "set", "reset", "begin",
            "start", "commit", "end", "rollback", "abort", "savepoint", "release", "fetch", "move", "close",
            "deallocate", "discard");
    private static final Set<String> WRITES = Set.of("insert", "update", "delete", "merge");

    /** What these leave behind ends with their transaction, as do the large objects that are open. */
    private static final Set<String> TRANSACTIONAL = Set.of("set_config", "pg_advisory_xact_lock",
            "pg_advisory_xact_lock_shared", "pg_try_advisory_xact_lock", "pg_try_advisory_xact_lock_shared",
            "pg_export_snapshot", "lo_open", "loread", "lo_lseek", "lo_lseek64", "lo_tell", "lo_tell64", "lo_close");
    private static final Set<String> TRANSACTION_VERBS = Set.of("begin", "start", "savepoint");
    private static final Set<String> TRANSACTION_SETTINGS = Set.of("local", "transaction", "constraints");

    private static final int REMEMBERED = 2000;
    private static final Map<String, Sql> CACHE = Collections.synchronizedMap(new LinkedHashMap<>(256, 0.75f, true) {
        @Override
        protected boolean removeEldestEntry(Map.Entry<String, Sql> eldest) {
            return size() > REMEMBERED;
        }
    });

    static Sql of(String text) {
        Sql known = CACHE.get(text);
        if (known == null) {
            known = parse(text);
            CACHE.put(text, known);
        }
        return known;
    }

    static Sql parse(String text) {
        List<Token> tokens = Token.split(text);
        List<Sql> statements = new ArrayList<>();
        StringBuilder durable = new StringBuilder();
        int copied = 0;
        int from = 0;
        int depth = 0;
        for (int i = 0; i <= tokens.size(); i++) {
            boolean end = i == tokens.size();
            depth += end ? 0 : tokens.get(i).isSymbol('(') ? 1 : tokens.get(i).isSymbol(')') ? -1 : 0;
            if (end || depth == 0 && tokens.get(i).isSymbol(';')) {
                if (i > from) {
                    Sql one = statement(text, tokens.subList(from, i));
                    statements.add(one);
                    if (one.withoutAsync == null) {
                        durable.append(text, copied, tokens.get(from).start());
                        copied = tokens.get(i - 1).end();
                    }
                }
                from = i + 1;
            }
        }
        if (statements.size() == 1) {
            return statements.get(0);
        }
        // Several statements in one text: reads stay reads; anything else among them makes the whole refusable.
        String withoutAsync = copied == 0 ? text : durable.append(text, copied, text.length()).toString();
        boolean reads = statements.stream().allMatch(one -> isRead(one) || one.kind == Kind.ASYNC_COMMIT);
        String relaxed = RowLocks.removed(text, tokens);
        Kind kind = !reads ? Kind.OTHER : copied > 0 ? Kind.ASYNC_COMMIT
                : relaxed.equals(text) ? Kind.READ : Kind.LOCKING_READ;
        return new Sql(kind, null, null, relaxed, withoutAsync, Map.of(), null);
    }

    /** Whether all that it returns is given in the text: then the answer of a server is known without it. */
    boolean returnsItsValues(List<String> columns) {
        return kind == Kind.INSERT && !columns.isEmpty()
                && columns.stream().allMatch(column -> values.get(column) != null);
    }

    static String quoted(String name) {
        return '"' + name.replace("\"", "\"\"") + '"';
    }

    static String quoted(List<String> names) {
        return names.stream().map(Sql::quoted).collect(Collectors.joining(", "));
    }

    boolean isRead() {
        return isRead(this);
    }

    private static boolean isRead(Sql sql) {
        return sql.kind == Kind.READ || sql.kind == Kind.LOCKING_READ || sql.kind == Kind.READ_IN_TRANSACTION || sql.kind == Kind.COMMIT;
    }

    /** Whether it writes rows, and may stand in a transaction with others. */
    boolean isWrite() {
        return kind == Kind.INSERT || kind == Kind.UPDATE || kind == Kind.DELETE || kind == Kind.WRITE;
    }

    /** Whether it belongs into a transaction with what follows: a write, or a setting that ends with its transaction. */
    boolean needsTransaction() {
        return kind != Kind.READ && kind != Kind.LOCKING_READ && kind != Kind.COMMIT && kind != Kind.ASYNC_COMMIT;
    }

    private static Sql read(Kind kind, String onStandby, String text) {
        return new Sql(kind, null, null, onStandby, text, Map.of(), null);
    }

    private static Sql read(String text) {
        return read(Kind.READ, text, text);
    }

    private static Sql other(String text) {
        return new Sql(Kind.OTHER, null, null, null, text, Map.of(), null);
    }

    private static Sql write(String text) {
        return new Sql(Kind.WRITE, null, null, null, text, Map.of(), null);
    }

    private static Sql statement(String text, List<Token> t) {
        int first = 0;
        while (first < t.size() && t.get(first).isSymbol('(')) {
            first++;
        }
        if (first == t.size()) {
            return other(text);
        }
        Token verb = t.get(first);
        if (verb.is("set")) {
            return set(text, t);
        }
        if (verb.is("with")) {
            return with(text, t);
        }
        if (first == 0 && verb.is("insert")) {
            return insert(text, t);
        }
        if (first == 0 && verb.is("update")) {
            return update(text, t);
        }
        if (first == 0 && verb.is("delete")) {
            return delete(text, t);
        }
        if (first == 0 && (verb.is("commit") || verb.is("end")) && !Token.words(t, 1, "prepared")) {
            return read(Kind.COMMIT, text, text);
        }
        if (first == 0 && verb.is("merge")) {
            return write(text);
        }
        if (first == 0 && verb.is("explain")) {
            return explain(text, t);
        }
        if (first == 0 && verb.is("declare")) {
            return declare(text, t);
        }
        if (first == 0 && (verb.is("call") || verb.isSymbol('{'))) {
            // As a function in a SELECT: whether it writes, only the server can tell.
            return read(Kind.READ_IN_TRANSACTION, text, text);
        }
        if (first == 0 && verb.kind() == Token.Kind.WORD && TRANSACTION_VERBS.contains(verb.text())) {
            return read(Kind.READ_IN_TRANSACTION, text, text);
        }
        if (verb.kind() != Token.Kind.WORD || !READS.contains(verb.text()) || selectsInto(t)) {
            return other(text);
        }
        return reading(text, t);
    }

    /** A common table expression may write ({@code WITH x AS (DELETE ...) SELECT}): refused where it does. */
    private static Sql with(String text, List<Token> t) {
        int depth = 0;
        for (int i = 0; i < t.size(); i++) {
            Token token = t.get(i);
            depth += token.isSymbol('(') ? 1 : token.isSymbol(')') ? -1 : 0;
            boolean opens = i > 0 && (t.get(i - 1).isSymbol('(') || depth == 0 && t.get(i - 1).isSymbol(')'));
            if (opens && token.kind() == Token.Kind.WORD && WRITES.contains(token.text())) {
                return write(text);
            }
        }
        return selectsInto(t) ? other(text) : reading(text, t);
    }

    private static Sql reading(String text, List<Token> t) {
        String relaxed = RowLocks.removed(text, t);
        String durable = WeakCommit.withoutSetConfig(text, t);
        if (durable != null) {
            return read(Kind.ASYNC_COMMIT, relaxed, durable);
        }
        return read(callsTransactional(t) ? Kind.READ_IN_TRANSACTION
                : relaxed.equals(text) ? Kind.READ : Kind.LOCKING_READ, relaxed, text);
    }

    private static boolean callsTransactional(List<Token> t) {
        for (int i = 0; i + 1 < t.size(); i++) {
            if (t.get(i).isName() && t.get(i + 1).isSymbol('(') && TRANSACTIONAL.contains(t.get(i).text())) {
                return true;
            }
        }
        return false;
    }

    /** What would be done is shown, whatever it is; with ANALYZE it is done. */
    private static Sql explain(String text, List<Token> t) {
        boolean done = false;
        int i = 1;
        if (i < t.size() && t.get(i).isSymbol('(')) {
            for (; i < t.size() && !t.get(i).isSymbol(')'); i++) {
                done |= t.get(i).is("analyze");
            }
            i++;
        }
        for (; Token.words(t, i, "analyze") || Token.words(t, i, "verbose"); i++) {
            done |= t.get(i).is("analyze");
        }
        if (i >= t.size()) {
            return other(text);
        }
        Sql explained = statement(text, t.subList(i, t.size()));
        if (isRead(explained)) {
            return read(explained.kind, explained.onStandby, text);
        }
        return explained.isWrite() && !done ? read(text) : other(text);
    }

    /** A cursor lives as long as its transaction, or with HOLD as its session. */
    private static Sql declare(String text, List<Token> t) {
        for (int i = 1; i + 1 < t.size(); i++) {
            if (t.get(i).is("for")) {
                Sql query = statement(text, t.subList(i + 1, t.size()));
                return isRead(query) ? read(Kind.READ_IN_TRANSACTION, query.onStandby, text) : other(text);
            }
        }
        return other(text);
    }

    /** {@code SELECT ... INTO new_table} creates a table. */
    private static boolean selectsInto(List<Token> t) {
        int depth = 0;
        for (Token token : t) {
            depth += token.isSymbol('(') ? 1 : token.isSymbol(')') ? -1 : 0;
            if (depth == 0 && token.is("into")) {
                return true;
            }
        }
        return false;
    }

    private static Sql set(String text, List<Token> t) {
        int i = 1;
        if (i < t.size() && (t.get(i).is("local") || t.get(i).is("session"))) {
            i++;
        }
        boolean commit = WeakCommit.isSet(t, i);
        Kind kind = commit ? Kind.ASYNC_COMMIT
                : t.size() > 1 && TRANSACTION_SETTINGS.contains(t.get(1).text()) ? Kind.READ_IN_TRANSACTION : Kind.READ;
        return read(kind, text, commit ? null : text);
    }

    private static Sql insert(String text, List<Token> t) {
        Target into = Target.at(t, t.size() > 1 && t.get(1).is("into") ? 2 : t.size());
        if (into == null) {
            return other(text);
        }
        Map<String, Value> values = InsertedRow.of(t, into.after());
        if (values == null) {
            return write(text);
        }
        return new Sql(Kind.INSERT, into.schema(), into.table(), null, text, values, returning(t));
    }

    private static Sql update(String text, List<Token> t) {
        Target of = Target.at(t, Token.words(t, 1, "only") ? 2 : 1);
        return of == null ? other(text)
                : new Sql(Kind.UPDATE, of.schema(), of.table(), null, text, Map.of(), returning(t));
    }

    private static Sql delete(String text, List<Token> t) {
        int from = Token.words(t, 1, "from") ? 2 : t.size();
        Target of = Target.at(t, Token.words(t, from, "only") ? from + 1 : from);
        if (of == null) {
            return other(text);
        }
        boolean plain = !has(t, "returning") && !has(t, "using") && !has(t, "current");
        String find = plain ? text.substring(0, t.get(0).start()) + "SELECT 1" + text.substring(t.get(0).end()) : null;
        return new Sql(Kind.DELETE, of.schema(), of.table(), find, text, Map.of(), returning(t));
    }

    /** The columns after RETURNING; {@link #EXPRESSIONS} for anything but their plain names, null for none. */
    private static List<String> returning(List<Token> t) {
        int i = 0;
        while (i < t.size() && !t.get(i).is("returning")) {
            i++;
        }
        if (i == t.size()) {
            return null;
        }
        List<String> columns = new ArrayList<>();
        for (i++; i < t.size(); i += 2) {
            if (!t.get(i).isName() || i + 1 < t.size() && !t.get(i + 1).isSymbol(',')) {
                return EXPRESSIONS;
            }
            columns.add(t.get(i).text());
        }
        return List.copyOf(columns);
    }

    private static boolean has(List<Token> t, String word) {
        return t.stream().anyMatch(token -> token.is(word));
    }
}
