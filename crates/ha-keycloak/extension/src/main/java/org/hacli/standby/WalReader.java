package org.hacli.standby;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import org.jboss.logging.Logger;
import org.postgresql.replication.LogSequenceNumber;

/** Reads, on one standby's connection, what the WAL says has changed, by the extension {@code pg_walinspect}. */
final class WalReader {

    private static final Logger LOG = Logger.getLogger("org.hacli.standby");

    /** More than this at once is not worth reading: everything is cleared instead. */
    private static final long MAX_BYTES = 4 << 20;
    private static final int MAX_CHANGES = 5_000;
    private static final int MAX_BLOCKS = 64;

    /**
     * Records that change no visible row of the table: clean-up, locks, in-place statistics, and hint bits. The
     * resource managers other than heap hold indexes, transactions and files; a full-page image (FPI) is a rewritten
     * relation, which also changes pg_class.
     */
    private static final String CHANGES = """
            select relfilenode, xid::text, record_type, relblocknumber, detail.*
              from %s(?::pg_lsn, ?::pg_lsn, false) b
              -- Of other tables it is enough that a block has changed.
              left join lateral (select start_lsn, block_id, description) detail
                on relfilenode::int8 = any (?) or relfilenode::int8 = any (?) and record_type = 'DELETE'
             where reldatabase = (select oid from pg_database where datname = current_database())
               and relforknumber = 0
               and (resource_manager in ('Heap', 'Heap2')
                    and record_type not in ('LOCK', 'INPLACE', 'PRUNE', 'PRUNE_ON_ACCESS', 'PRUNE_VACUUM_SCAN',
                        'PRUNE_VACUUM_CLEANUP', 'VACUUM', 'VISIBLE', 'FREEZE_PAGE', 'LOCK_UPDATED', 'CONFIRM')
                    or resource_manager = 'XLOG' and record_type = 'FPI')
             group by 1, 2, 3, 4, 5, 6, 7
             limit ?""";

    /** insufficient_privilege, undefined_function, invalid_schema_name. */
    private static final Set<String> NOT_ALLOWED = Set.of("42501", "42883", "3F000");

    private static final String PG_CLASS = "pg_class";

    /** Why a stretch of WAL could not be read; the message is for the log. */
    static final class Unreadable extends Exception {
        Unreadable(String message) {
            super(message);
        }
    }

    private final Connection connection;
    private final String schema;
    /** Null: it is not there, or this role may not call it. */
    private String function;
    /** Names of the tables of Keycloak's schema by file number; "" for relations that hold nothing of interest. */
    private Map<Long, String> relations = Map.of();
    /** The file numbers of the {@link RealmTables}. */
    private Set<Long> realmParts = Set.of();
    /** Those of the tables with rows of users. */
    private Set<Long> users = Set.of();

    /** @param schema Keycloak's; null: the connection's own */
    WalReader(Connection connection, String schema) throws SQLException {
        this.connection = connection;
        this.schema = schema != null ? schema : one("select current_schema()");
        this.function = function();
    }

    /** A catalog that says "allowed" only: a call that fails would abort nothing here, but fill the server's log. */
    private String function() throws SQLException {
        return one("""
                select quote_ident(n.nspname) || '.' || quote_ident(p.proname)
                  from pg_proc p join pg_namespace n on n.oid = p.pronamespace
                 where p.proname = 'pg_get_wal_block_info' and has_function_privilege(p.oid, 'execute')
                   and has_schema_privilege(n.oid, 'usage')""");
    }

    /** Where Keycloak's tables are. */
    String schema() {
        return schema;
    }

    boolean available() {
        return function != null;
    }

    private String one(String sql) throws SQLException {
        try (Statement statement = connection.createStatement(); ResultSet row = statement.executeQuery(sql)) {
            return row.next() ? row.getString(1) : null;
        }
    }

    /** An id above all that the WAL replayed so far has named ({@code age} counts from the next id, also here). */
    int nextXid() throws SQLException {
        return 3 + Integer.parseInt(one("select age('3'::xid)"));
    }

    /** The oldest transaction that is running on this standby, 32 bits. */
    int oldestRunning() throws SQLException {
        return (int) Long.parseLong(one("select pg_snapshot_xmin(pg_current_snapshot())::text"));
    }

    List<Change> changes(String from, String to, long bytes) throws SQLException, Unreadable {
        if (!available()) {
            function = function(); // somebody may have allowed it meanwhile
        }
        if (!available()) {
            throw new Unreadable("pg_walinspect is not there, or this role may not execute pg_get_wal_block_info");
        }
        if (bytes > MAX_BYTES) {
            throw new Unreadable(bytes + " bytes of WAL at once");
        }
        if (relations.isEmpty()) {
            nameRelations(); // first, since it decides of which records more is asked
        }
        List<RawChange> raw = new ArrayList<>();
        try (PreparedStatement select = connection.prepareStatement(CHANGES.formatted(function))) {
            select.setString(1, from);
            select.setString(2, to);
            select.setArray(3, connection.createArrayOf("int8", realmParts.toArray()));
            select.setArray(4, connection.createArrayOf("int8", users.toArray()));
            select.setInt(5, MAX_CHANGES + 1);
            try (ResultSet row = select.executeQuery()) {
                while (row.next()) {
                    raw.add(new RawChange(row.getLong(1), (int) Long.parseLong(row.getString(2)), row.getString(3),
                            row.getLong(4), row.getString(5), row.getInt(6), row.getString(7)));
                }
            }
        } catch (SQLException e) {
            if (e.getSQLState() != null && e.getSQLState().startsWith("08")) {
                throw e;
            }
            if (NOT_ALLOWED.contains(e.getSQLState())) {
                function = null;
            }
            throw new Unreadable(e.getMessage());
        }
        if (raw.size() > MAX_CHANGES) {
            throw new Unreadable("more than " + MAX_CHANGES + " changed blocks at once");
        }
        return named(raw);
    }

    /** @param lsn the record's start; null where it is of no interest, as are the next two then */
    private record RawChange(long fileNode, int xid, String type, long block, String lsn, int blockId, String description) {

        String record() {
            return type.replace("+INIT", "");
        }
    }

    private void nameRelations() throws SQLException {
        relations = readRelations();
        realmParts = numbers(RealmTables::contains);
        users = numbers(table -> Tables.userColumn(table) != null);
    }

    private Set<Long> numbers(Predicate<String> tables) {
        return relations.entrySet().stream().filter(entry -> tables.test(entry.getValue())).map(Map.Entry::getKey)
                .collect(Collectors.toSet());
    }

    private List<Change> named(List<RawChange> raw) throws SQLException {
        if (raw.stream().anyMatch(change -> !relations.containsKey(change.fileNode))) {
            nameRelations();
        }
        Set<String> overTwoBlocks = raw.stream().filter(change -> change.lsn != null && change.blockId > 0)
                .map(RawChange::lsn).collect(Collectors.toSet());
        List<Change> out = new ArrayList<>();
        for (RawChange change : raw) {
            String table = relations.get(change.fileNode);
            if (PG_CLASS.equals(table)) {
                // A table was made, dropped, rewritten or truncated: file numbers may have new meanings.
                relations = Map.of();
                realmParts = Set.of();
                users = Set.of();
                out.add(new Change(null, change.xid, change.record(), change.block));
            } else if (!"".equals(table)) {
                Change.Tuples tuples = change.lsn == null ? null : Description.tuples(change.type, change.description,
                        change.blockId == 0, !overTwoBlocks.contains(change.lsn));
                out.add(new Change(table, change.xid, change.record(), change.block, tuples,
                        change.lsn == null ? 0 : LogSequenceNumber.valueOf(change.lsn).asLong()));
            }
        }
        return out;
    }

    /**
     * Only ordinary tables of Keycloak's schema count. A TOAST table changes with its owner's row only; indexes,
     * sequences, catalogs other than pg_class and other schemas hold nothing that is cached.
     */
    private Map<Long, String> readRelations() throws SQLException {
        Map<Long, String> out = new HashMap<>();
        try (PreparedStatement select = connection.prepareStatement("""
                select pg_relation_filenode(c.oid),
                       case when c.oid = 'pg_catalog.pg_class'::regclass then 'pg_class'
                            when n.nspname = ? and c.relkind in ('r', 'p') then lower(c.relname) else '' end
                  from pg_class c join pg_namespace n on n.oid = c.relnamespace
                 where pg_relation_filenode(c.oid) is not null""")) {
            select.setString(1, schema);
            try (ResultSet row = select.executeQuery()) {
                while (row.next()) {
                    out.put(row.getLong(1), row.getString(2));
                }
            }
        }
        return out;
    }

    /** Which of these have ended on this server, so that every later snapshot sees what they did. */
    Set<Integer> ended(Set<Integer> xids) throws SQLException {
        // The ids of the WAL have 32 bits; the snapshot's tell the epoch they belong to.
        String ids = xids.stream().map(Integer::toUnsignedString).collect(Collectors.joining(",", "{", "}"));
        Set<Integer> out = new HashSet<>();
        try (PreparedStatement select = connection.prepareStatement("""
                with base as (select pg_snapshot_xmin(pg_current_snapshot())::text::bigint b),
                     delta as (select x, b, ((x - b %% 4294967296 + 6442450944) %% 4294967296) - 2147483648 d
                                 from base, unnest(?::bigint[]) x)
                select x from delta
                 where pg_xact_status((b + d)::text::xid8) is distinct from 'in progress'""".replace("%%", "%"))) {
            select.setString(1, ids);
            try (ResultSet row = select.executeQuery()) {
                while (row.next()) {
                    out.add((int) row.getLong(1));
                }
            }
        }
        return out;
    }

    /** A user's id; a realm's, the row's place and its transaction; or the four columns of a client session's identity, as the effect's table has them. */
    record Row(Change.Effect effect, String table, String[] columns) { }

    /**
     * The rows that these changes made: those in the changed blocks whose xmin is the change's transaction. What a
     * later transaction has changed again is found by that one's record. Null: too many blocks, or tables that are not as known.
     */
    List<Row> rows(List<Change> changes) throws SQLException {
        Map<String, Set<Long>> blocks = new HashMap<>();
        Set<String> xids = new TreeSet<>();
        Map<String, Change.Effect> effects = new HashMap<>();
        int count = 0;
        for (Change change : changes) {
            xids.add(Integer.toUnsignedString(change.xid()));
            effects.put(change.table(), change.effect());
            count += blocks.computeIfAbsent(change.table(), t -> new TreeSet<>()).add(change.block()) ? 1 : 0;
        }
        if (count > MAX_BLOCKS) {
            return null;
        }
        String xidArray = "'" + xids.stream().collect(Collectors.joining(",", "{", "}")) + "'::xid[]";
        List<String> parts = new ArrayList<>();
        blocks.forEach((table, numbers) -> numbers.forEach(block -> parts.add(
                "select '" + table + "', " + columns(table) + " from \"" + schema + "\".\"" + table + "\" t"
                + " where ctid >= '(" + block + ",0)'::tid and ctid < '(" + (block + 1) + ",0)'::tid"
                + " and xmin = any(" + xidArray + ")")));
        List<Row> out = new ArrayList<>();
        if (parts.isEmpty()) {
            return out;
        }
        try (Statement statement = connection.createStatement();
             ResultSet row = statement.executeQuery(String.join(" union all ", parts))) {
            while (row.next()) {
                String[] columns = new String[5];
                for (int i = 0; i < columns.length; i++) {
                    columns[i] = row.getString(i + 2);
                }
                out.add(new Row(effects.get(row.getString(1)), row.getString(1), columns));
            }
        } catch (SQLException e) {
            if (e.getSQLState() != null && e.getSQLState().startsWith("42")) {
                LOG.debugf("rows of Keycloak's tables cannot be read: %s", e.getMessage());
                return null; // a later Keycloak's tables look otherwise
            }
            throw e;
        }
        return out;
    }

    /** The same changes, those that have deleted something with its owner, where the snapshot from before shows it. */
    List<Change> owned(List<Change> changes, Earlier earlier) {
        List<Change> deletes = changes.stream().filter(Change::hasEndedSomebodys).toList();
        if (deletes.isEmpty() || earlier.session() == null) {
            return changes;
        }
        Map<Made.Place, String> owners = owners(deletes, earlier);
        return changes.stream().map(change -> change.hasEndedSomebodys()
                ? change.ownedBy(owners.get(Made.place(change, change.tuples().ended()))) : change).toList();
    }

    /** What the snapshot does not show is not among them: committed before it was taken, or locked by several at a time. */
    private Map<Made.Place, String> owners(List<Change> deletes, Earlier earlier) {
        Map<String, Set<Long>> blocks = new HashMap<>();
        Set<String> xids = new TreeSet<>();
        for (Change change : deletes) {
            xids.add(Integer.toUnsignedString(change.xid()));
            blocks.computeIfAbsent(change.table(), t -> new TreeSet<>()).add(change.block());
        }
        if (blocks.values().stream().mapToInt(Set::size).sum() > MAX_BLOCKS) {
            return Map.of();
        }
        String xidArray = "'" + xids.stream().collect(Collectors.joining(",", "{", "}")) + "'::xid[]";
        List<String> parts = new ArrayList<>();
        blocks.forEach((table, numbers) -> numbers.forEach(block -> parts.add(
                "select '" + table + "', " + owner(table) + ", t.ctid::text, t.xmax::text from \"" + schema + "\".\"" + table
                + "\" t where t.ctid >= '(" + block + ",0)'::tid and t.ctid < '(" + (block + 1) + ",0)'::tid"
                + " and t.xmax = any(" + xidArray + ")")));
        Map<Made.Place, String> out = new HashMap<>();
        try (Statement statement = earlier.session().createStatement();
             ResultSet row = statement.executeQuery(String.join(" union all ", parts))) {
            while (row.next()) {
                if (row.getString(2) != null) {
                    out.put(Made.place(row.getString(1), row.getString(4), row.getString(3)), row.getString(2));
                }
            }
        } catch (SQLException e) {
            earlier.lost(e); // also where a later Keycloak's tables look otherwise
            return Map.of();
        }
        return out;
    }

    private String owner(String table) {
        return RealmTables.contains(table) ? RealmTables.realm(table, schema) : "t." + Tables.userColumn(table);
    }

    private String columns(String table) {
        if (RealmTables.contains(table)) {
            return RealmTables.realm(table, schema) + ", t.ctid::text, t.xmin::text, null, null";
        }
        String user = Tables.userColumn(table);
        return user != null ? user + ", null, null, null, null"
                : "user_session_id, offline_flag, client_id, client_storage_provider, external_client_id";
    }
}
