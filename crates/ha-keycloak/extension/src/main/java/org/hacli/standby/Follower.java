package org.hacli.standby;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.jboss.logging.Logger;
import org.postgresql.replication.LogSequenceNumber;

/** Keeps this node's caches true while its database replays what the primary's Keycloak writes. One per connection. */
final class Follower {

    private static final Logger LOG = Logger.getLogger("org.hacli.standby");

    /** Every eviction is done again in this many later passes, against requests that had read before the first. */
    private static final int REPEATS = 3;

    private final Connection connection;
    private final String schema;
    private final WalReader wal;
    private final Caches caches;
    private final Warnings warnings;
    private final Pending pending = new Pending();
    private final Earlier earlier;
    private final RealmBlocks realmBlocks = new RealmBlocks();
    private final SessionComparison comparison = new SessionComparison();
    private final Deque<Evictions> recent = new ArrayDeque<>();
    private LogSequenceNumber position;
    private boolean moved = true;

    /** What is removed from the caches. */
    private static final class Evictions {
        boolean all;
        boolean users;
        final Set<String> userIds = new HashSet<>();
        final Set<String> widely = new HashSet<>();
        final Set<String> gone = new HashSet<>();
        final Set<SessionKey> sessions = new HashSet<>();
        final Set<String> realms = new HashSet<>();

        void everything(String why) {
            all = true;
            LOG.debugf("all that was read is forgotten: %s", why);
        }

        void add(Evictions more) {
            all |= more.all;
            users |= more.users;
            userIds.addAll(more.userIds);
            widely.addAll(more.widely);
            gone.addAll(more.gone);
            sessions.addAll(more.sessions);
            realms.addAll(more.realms);
        }

        void apply(Caches caches) {
            if (all) {
                caches.clearAll();
            } else if (users) {
                caches.clearUsers();
            }
            caches.evictUsers(userIds);
            caches.evictUsersWidely(widely);
            if (!all && !users) {
                caches.forgetUsers(gone);
            }
            if (!all) {
                caches.forgetRealms(realms);
            }
            caches.remove(sessions.stream().filter(key -> !MadeHere.contains(key)).toList());
        }
    }

    Follower(Connection connection, Earlier earlier, String schema, Caches caches, Warnings warnings) throws SQLException {
        this.connection = connection;
        this.earlier = earlier;
        this.wal = new WalReader(connection, schema);
        this.schema = wal.schema();
        this.caches = caches;
        this.warnings = warnings;
    }

    /** Whether what has changed can be told from the WAL; else all is forgotten at each change. */
    boolean readsWal() {
        return wal.available();
    }

    /** Whether there was anything new at the last pass. */
    boolean hasMoved() {
        return moved;
    }

    /** One pass, after the database has replayed up to {@code replayed}. */
    void pass(LogSequenceNumber replayed) throws SQLException {
        Evictions now = new Evictions();
        moved = !replayed.equals(position);
        boolean revokedTokens = false;
        if (position == null) {
            // What was cached before this connection began to look may be old already.
            gap(now, "what was read before this connection began to look may be old");
            revokedTokens = true;
        } else if (moved) {
            try {
                pending.add(wal.owned(wal.changes(position.asString(), replayed.asString(),
                        replayed.asLong() - position.asLong()), earlier));
            } catch (WalReader.Unreadable e) {
                warnings.warn("cannot tell what has changed, so whole caches are cleared: " + e.getMessage());
                gap(now, e.getMessage());
                revokedTokens = true;
            }
        }
        position = replayed;
        if (pending.hasGap()) {
            boolean still = pending.inGap(wal.oldestRunning());
            if (moved || !still) {
                now.everything("a transaction is under way of which something was missed");
                comparison.request();
                revokedTokens = true;
            }
        }
        if (!pending.isEmpty()) {
            revokedTokens |= decide(pending.ended(wal.ended(pending.transactions())), now);
        }
        if (revokedTokens) {
            loadRevokedTokens();
        }
        // Together with what is done again, since each look goes through the caches.
        recent.addLast(now);
        Evictions together = new Evictions();
        recent.forEach(together::add);
        together.apply(caches);
        while (recent.size() > REPEATS) {
            recent.removeFirst();
        }
        if (!pending.hasGap()) {
            realmBlocks.followed(position);
            realmBlocks.learn(connection, schema);
        }
        if (!comparison.idle()) {
            Set<SessionKey> gone = comparison.step(caches::sessions,
                    keys -> SessionComparison.blocks(connection, schema, keys));
            caches.remove(gone);
            LOG.debugf("sessions ended on the primary: %d", gone.size());
        }
    }

    private void gap(Evictions now, String why) throws SQLException {
        now.everything(why);
        realmBlocks.clear();
        comparison.request();
        pending.gap(wal.nextXid());
    }

    /** Collects what must be evicted for changes that have become visible; true: revoked tokens must be loaded. */
    private boolean decide(List<Change> changes, Evictions now) throws SQLException {
        List<Change> read = new ArrayList<>();
        List<Change> deleted = new ArrayList<>();
        List<Change> realmParts = new ArrayList<>();
        boolean revokedTokens = false;
        for (Change change : changes) {
            switch (change.effect()) {
                case CLEAR_ALL -> {
                    now.everything(change.record() + " in " + change.table());
                    if (change.table() == null || RealmTables.contains(change.table())) {
                        realmBlocks.clear(); // rows may have come, or blocks have changed their meaning, unseen
                    }
                }
                case FORGET_REALMS -> {
                    realmParts.add(change);
                    read.add(change);
                }
                case FORGET_USER -> now.gone.add(change.owner());
                case CLEAR_USERS -> {
                    now.users = true;
                    LOG.debugf("all users are forgotten: %s in %s", change.record(), change.table());
                }
                case COMPARE_SESSIONS -> deleted.add(change);
                case LOAD_REVOKED_TOKENS -> revokedTokens = true;
                case MOVE_SESSIONS -> comparison.moved(Tables.kind(change.table()), change.block());
                case EVICT_CLIENT_SESSIONS -> {
                    comparison.moved(Tables.kind(change.table()), change.block());
                    read.add(change);
                }
                case EVICT_USERS, EVICT_USERS_WIDELY -> read.add(change);
                case NONE -> { }
            }
        }
        deleted.forEach(change -> comparison.deleted(Tables.kind(change.table()), change.block()));
        List<WalReader.Row> rows = wal.rows(read);
        if (rows == null) {
            now.everything("what has changed is in more blocks than are read, or in tables of another shape");
            RealmChanges.unread(realmParts, realmBlocks);
            return revokedTokens;
        }
        Set<String> realms = RealmChanges.realms(realmParts, rows, realmBlocks);
        if (realms == null) {
            now.everything("whose the changed parts of realms are, or were, is not known");
        } else {
            now.realms.addAll(realms);
        }
        for (WalReader.Row row : rows) {
            String[] c = row.columns();
            switch (row.effect()) {
                case EVICT_USERS -> now.userIds.add(c[0]);
                case EVICT_USERS_WIDELY -> now.widely.add(c[0]);
                case FORGET_REALMS -> { }
                default -> now.sessions.add(SessionKey.client("1".equals(c[1]), c[0], c[2], c[3], c[4]));
            }
        }
        return revokedTokens;
    }

    private void loadRevokedTokens() throws SQLException {
        long now = Instant.now().getEpochSecond();
        Set<String> marks = new HashSet<>();
        try (PreparedStatement select = connection.prepareStatement(
                "select id, expire from \"" + schema + "\".revoked_token where expire > ?")) {
            select.setLong(1, now);
            try (ResultSet row = select.executeQuery()) {
                while (row.next()) {
                    if (UnlockMark.isOne(row.getString(1))) {
                        marks.add(row.getString(1));
                    } else {
                        caches.revoked(row.getString(1), row.getLong(2) - now);
                    }
                }
            }
        }
        LockOuts.marksAre(marks);
    }
}
