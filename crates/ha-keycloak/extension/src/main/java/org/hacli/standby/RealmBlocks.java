package org.hacli.standby;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.jboss.logging.Logger;
import org.postgresql.replication.LogSequenceNumber;

/**
 * Which realms have, or have had, rows in each block of the {@link RealmTables}. The WAL names the block that a row was
 * deleted from, and the row cannot be read any more: it belonged to one of these.
 *
 * <p>Nothing is ever taken out of a block's realms: too many of them are right, too few are not. A table is learnt by
 * looking once at all of its rows, a portion at a time, and kept by what is inserted afterwards. A block where something has been
 * of which nobody knows whose it was is looked at again.
 */
final class RealmBlocks {

    private static final Logger LOG = Logger.getLogger("org.hacli.standby");

    private static final String UNKNOWN = "";
    /** So many blocks are looked at in one pass: no cache waits long for it, and no connection's time runs out. */
    private static final int PORTION = 128;
    private static final int OPEN_PORTION = 32;

    private record Block(String table, long number) { }

    /** What the last look was at: a whole table, or blocks that were unknown. */
    private record Look(String table, List<Long> blocks, LogSequenceNumber at) { }

    private final Map<String, Map<Long, Set<String>>> tables = new HashMap<>();
    /** Each id once, however many blocks it is in. */
    private final Map<String, String> ids = new HashMap<>();
    private final Set<String> known = new HashSet<>();
    private final Deque<String> unlearnt = new ArrayDeque<>(RealmTables.names());
    /** Blocks to be looked at again. */
    private final Set<Block> open = new LinkedHashSet<>();
    /** The table that is being learnt, and its first block that has not been looked at. */
    private String table;
    private long next;
    /** Waits for all to be dealt with that had happened before it. */
    private Look look;

    /** Somewhere a change may have been missed: all is to be learnt again. */
    void clear() {
        tables.clear();
        ids.clear();
        known.clear();
        open.clear();
        table = null;
        look = null;
        unlearnt.clear();
        unlearnt.addAll(RealmTables.names());
    }

    void add(String table, long block, String realm) {
        tables.computeIfAbsent(table, t -> new HashMap<>()).computeIfAbsent(block, b -> new HashSet<>(2))
                .add(ids.computeIfAbsent(realm, id -> id));
    }

    /** A row has been there of nobody knows which realm. */
    void unknown(String table, long block) {
        add(table, block, UNKNOWN);
        open.add(new Block(table, block));
    }

    /** Null: not known. */
    Set<String> at(String table, long block) {
        Set<String> realms = known.contains(table) ? tables.getOrDefault(table, Map.of()).get(block) : null;
        return realms == null || realms.contains(UNKNOWN) ? null : realms;
    }

    /** Nothing is left to be looked at. */
    boolean isComplete() {
        return unlearnt.isEmpty() && table == null && look == null && open.isEmpty();
    }

    /**
     * All changes up to there have been dealt with whose transactions have ended. What was deleted before a look, and so
     * was not seen by it, is among them: from now on that look counts.
     */
    void followed(LogSequenceNumber position) {
        if (look == null || position.asLong() - look.at.asLong() < 0) {
            return;
        }
        if (look.blocks == null) {
            known.add(look.table);
        } else {
            Map<Long, Set<String>> seen = tables.get(look.table);
            // One that is open once more had something new in it meanwhile.
            look.blocks.stream().filter(block -> !open.contains(new Block(look.table, block)))
                    .forEach(block -> seen.get(block).remove(UNKNOWN));
        }
        look = null;
    }

    /** Looks at some more, if there is something. No transaction may be under way whose changes were missed. */
    void learn(Connection connection, String schema) throws SQLException {
        if (look != null) {
            return;
        }
        if (table == null && !unlearnt.isEmpty()) {
            table = unlearnt.remove();
            next = 0;
        }
        try {
            if (table != null) {
                learnTable(connection, schema);
            } else if (!open.isEmpty()) {
                learnOpen(connection, schema);
            }
        } catch (SQLException e) {
            if (e.getSQLState() == null || !e.getSQLState().startsWith("42")) {
                throw e;
            }
            // A later Keycloak's table looks otherwise: it stays unknown whose its rows are.
            LOG.debugf("whose the rows of a table are is not known: %s", e.getMessage());
            table = null;
        }
    }

    private void learnTable(Connection connection, String schema) throws SQLException {
        long end = next + PORTION;
        seen(connection, schema, table, List.of(new long[] {next, end}));
        next = end;
        LogSequenceNumber at = replayed(connection);
        // Blocks that are added from now on are told by the WAL.
        if (next >= blocks(connection, schema, table)) {
            look = new Look(table, null, at);
            table = null;
        }
    }

    private void learnOpen(Connection connection, String schema) throws SQLException {
        String first = open.iterator().next().table;
        List<Block> some = open.stream().filter(block -> block.table.equals(first)).limit(OPEN_PORTION).toList();
        some.forEach(open::remove);
        Set<Block> ownerless = seen(connection, schema, first,
                some.stream().map(block -> new long[] {block.number, block.number + 1}).toList());
        // A row that belongs to nothing is no better known by another look.
        List<Long> blocks = some.stream().filter(block -> !ownerless.contains(block)).map(Block::number).toList();
        look = new Look(first, blocks, replayed(connection));
    }

    /** Notes whose rows are there now; returns the blocks with rows of which it is not known. */
    private Set<Block> seen(Connection connection, String schema, String table, List<long[]> ranges) throws SQLException {
        Set<Block> ownerless = new HashSet<>();
        String rows = "select distinct split_part(trim(leading '(' from t.ctid::text), ',', 1)::bigint, "
                + RealmTables.realm(table, schema) + " from \"" + schema + "\".\"" + table + "\" t where ";
        // One SELECT for each range: the server reads no other blocks then.
        String sql = ranges.stream()
                .map(range -> rows + "t.ctid >= '(" + range[0] + ",0)' and t.ctid < '(" + range[1] + ",0)'")
                .collect(Collectors.joining(" union all "));
        try (Statement statement = connection.createStatement(); ResultSet row = statement.executeQuery(sql)) {
            while (row.next()) {
                String realm = row.getString(2);
                add(table, row.getLong(1), realm == null ? UNKNOWN : realm);
                if (realm == null) {
                    ownerless.add(new Block(table, row.getLong(1)));
                }
            }
        }
        return ownerless;
    }

    private static long blocks(Connection connection, String schema, String table) throws SQLException {
        try (PreparedStatement select = connection.prepareStatement(
                "select pg_relation_size(format('%I.%I', ?, ?)::regclass) / current_setting('block_size')::int")) {
            select.setString(1, schema);
            select.setString(2, table);
            try (ResultSet row = select.executeQuery()) {
                row.next();
                return row.getLong(1);
            }
        }
    }

    private static LogSequenceNumber replayed(Connection connection) throws SQLException {
        try (Statement statement = connection.createStatement();
             ResultSet row = statement.executeQuery("select pg_last_wal_replay_lsn()")) {
            row.next();
            return LogSequenceNumber.valueOf(row.getString(1));
        }
    }
}
