package org.hacli.standby;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.postgresql.replication.LogSequenceNumber;

/** Whose parts have changed, as a real standby's WAL and rows tell it. The tables are Keycloak's, as far as it matters. */
@Tag("postgres")
class RealmPostgresTest {

    private static RealPostgres pg;

    private Connection standby;
    private WalReader wal;
    private final RealmBlocks blocks = new RealmBlocks();
    private LogSequenceNumber position;
    /** No snapshot from before is to be had. */
    private final Earlier nobody = new Earlier(() -> {
        throw new SQLException("none is wanted");
    });

    /** What may fail. */
    private interface Executable {
        void run() throws Exception;
    }

    @BeforeAll
    static void start() throws Exception {
        pg = new RealPostgres();
        pg.execute("create extension pg_walinspect",
                "create table client (id text primary key, realm_id text, name text)",
                "create table client_attributes (client_id text, name text, value text)",
                "create table client_scope (id text primary key, realm_id text)",
                "create table protocol_mapper (id text primary key, client_id text, client_scope_id text)",
                "create table protocol_mapper_config (protocol_mapper_id text, name text, value text)",
                "create table keycloak_role (id text primary key, realm_id text, name text)",
                "create table role_attribute (id text, role_id text)",
                "create table composite_role (composite text, child_role text)",
                "create table keycloak_group (id text primary key, realm_id text, name text)",
                "create table group_attribute (id text, group_id text)",
                "create table group_role_mapping (role_id text, group_id text)",
                "create table client_scope_attributes (scope_id text)", "create table client_scope_role_mapping (scope_id text)",
                "create table default_client_scope (realm_id text, scope_id text)");
        for (String table : new String[] {"client_auth_flow_bindings", "client_node_registrations", "client_scope_client",
            "redirect_uris", "web_origins", "scope_mapping"}) {
            pg.execute("create table " + table + " (client_id text, value text)");
        }
    }

    @AfterAll
    static void stop() {
        if (pg != null) {
            pg.close();
        }
    }

    @BeforeEach
    void follow() throws Exception {
        pg.execute("truncate client, client_attributes, keycloak_role, composite_role, keycloak_group, client_scope,"
                + " protocol_mapper, protocol_mapper_config, redirect_uris",
                "insert into client select r || '-c' || n, r, 'x' from unnest(array['A','B','C']) r, generate_series(1, 500) n",
                "insert into keycloak_role select r || '-r' || n, r, 'x' from unnest(array['A','B','C']) r, generate_series(1, 500) n",
                "insert into client_scope values ('A-s', 'A')",
                "insert into redirect_uris select id, 'u' from client");
        pg.replay();
        standby = DriverManager.getConnection(pg.standbyUrl());
        wal = new WalReader(standby, "public");
        position = replayed();
        see(); // the first look names the tables only
        learn();
    }

    private void learn() throws Exception {
        for (int i = 0; !blocks.isComplete(); i++) {
            assertTrue(i < 1000, "there is always more to be looked at");
            blocks.followed(position);
            blocks.learn(standby, "public");
            see();
        }
    }

    @AfterEach
    void close() throws Exception {
        standby.close();
    }

    private LogSequenceNumber replayed() throws Exception {
        try (Statement statement = standby.createStatement();
             ResultSet row = statement.executeQuery("select pg_last_wal_replay_lsn()")) {
            row.next();
            return LogSequenceNumber.valueOf(row.getString(1));
        }
    }

    /** What the WAL since the last look comes to; its transactions have ended. Null: all are to be forgotten. */
    private Set<String> see() throws Exception {
        pg.replay();
        return see(nobody, () -> { });
    }

    /** As one pass does it: the next snapshot, the position, and what happens while it is under way. */
    private Set<String> see(Earlier earlier, Executable meanwhile) throws Exception {
        earlier.take(true);
        LogSequenceNumber now = replayed();
        meanwhile.run();
        List<Change> changes = new ArrayList<>();
        if (!now.equals(position)) {
            for (Change change : wal.owned(wal.changes(position.asString(), now.asString(), 1), earlier)) {
                if (change.effect() == Change.Effect.FORGET_REALMS) {
                    changes.add(change);
                }
            }
        }
        earlier.turn();
        position = now;
        List<WalReader.Row> rows = wal.rows(changes);
        if (rows == null) {
            RealmChanges.unread(changes, blocks);
            return null;
        }
        return RealmChanges.realms(changes, rows, blocks);
    }

    private Set<String> after(String... statements) throws Exception {
        pg.execute("insert into role_attribute values ('x', 'A-r1')", "delete from role_attribute where false");
        see();
        try (Connection primary = pg.administrator(); Statement statement = primary.createStatement()) {
            primary.setAutoCommit(false);
            for (String sql : statements) {
                statement.execute(sql);
            }
            primary.commit();
        }
        return see();
    }

    @Test
    void namesTheRealmOfWhatWasMadeOrChanged() throws Exception {
        assertEquals(Set.of("B"), after("insert into client values ('B-new', 'B', 'n')",
                "insert into client_attributes values ('B-new', 'a', 'b')", "update client set name = 'm' where id = 'B-new'"));
        assertEquals(Set.of("C"), after("update client set name = 'y' where id = 'C-c7'"));
        assertEquals(Set.of("A"), after("insert into protocol_mapper values ('m1', null, 'A-s')",
                "insert into protocol_mapper_config values ('m1', 'k', 'v')"));
        assertEquals(Set.of("A", "C"), after("update keycloak_role set name = 'z' where id in ('A-r1', 'C-r1')"));
        assertEquals(Set.of("B"), after("insert into composite_role values ('B-r1', 'B-r2')"));
        // Also where the new version is in another block than the old one.
        assertEquals(Set.of("A"), after("update client set name = repeat('long', 500) where id = 'A-c2'"));
    }

    @Test
    void namesTheRealmsOfABlockThatSomethingWasDeletedFrom() throws Exception {
        Set<String> realms = after("delete from keycloak_role where id = 'C-r499'");
        assertEquals(Set.of("C"), realms);
        assertEquals(Set.of("B"), after("delete from redirect_uris where client_id = 'B-c250'"));
        // Made after the table was learnt, and the only one of its realm there.
        after("insert into keycloak_role values ('D-r1', 'D', 'x')");
        realms = after("delete from keycloak_role where id = 'D-r1'");
        assertEquals(true, realms.contains("D"), realms::toString);
        assertEquals(false, realms.contains("A"), realms::toString);
    }

    /** Of a block with rows of all realms, without anything learnt; also in a savepoint, and where the row's parent goes with it. */
    @Test
    void namesTheRealmOfWhatWasDeletedByASnapshotFromBefore() throws Exception {
        pg.execute("insert into keycloak_group select r || n, r, 'x' from generate_series(1, 9) n, unnest(array['A','B','C']) r",
                "insert into client_attributes values ('A-c1', 'a', 'b'), ('B-c1', 'a', 'b'), ('C-c1', 'a', 'b')");
        see();
        blocks.clear();
        String url = pg.standbyUrl();
        Earlier earlier = new Earlier(() -> DriverManager.getConnection(url));
        see(earlier, () -> { });
        for (String[] statements : new String[][] {
            {"delete from keycloak_group where id = 'B3'"},
            {"savepoint s", "delete from keycloak_group where id = 'B4'", "release s"},
            {"delete from client_attributes where client_id = 'B-c1'", "delete from client where id = 'B-c1'"}}) {
            try (Connection primary = pg.administrator(); Statement statement = primary.createStatement()) {
                primary.setAutoCommit(false);
                for (String sql : statements) {
                    statement.execute(sql);
                }
                primary.commit();
            }
            pg.replay();
            assertEquals(Set.of("B"), see(earlier, () -> { }), String.join("; ", statements));
        }
        // What goes after the position has been read, and before the pass has come to its end, is the next one's.
        see(earlier, () -> {
            pg.execute("delete from keycloak_group where id = 'B5'");
            pg.replay();
        });
        assertEquals(Set.of("B"), see(earlier, () -> { }));
        // What is not seen before it goes is looked for in the old way.
        pg.execute("insert into keycloak_group values ('late', 'B', 'x')", "delete from keycloak_group where id = 'late'");
        pg.replay();
        assertNull(see(earlier, () -> { }));
        earlier.close();
    }

    @Test
    void takesNoNoticeOfWhatLivedInOneTransactionOnly() throws Exception {
        assertEquals(Set.of(), after("insert into keycloak_group values ('g', 'A', 'x')", "delete from keycloak_group where id = 'g'"));
    }

    @Test
    void knowsNotWhoseItWasWhatIsGoneAtTheLook() throws Exception {
        pg.execute("insert into keycloak_group values ('gone', 'B', 'x')", "delete from keycloak_group where id = 'gone'");
        assertNull(see());
        // Nor later, where it lay.
        pg.execute("insert into keycloak_group values ('kept', 'C', 'x')");
        assertEquals(Set.of("C"), see());
        assertNull(after("delete from keycloak_group where id = 'kept'"));
        assertNull(after("insert into client_attributes values ('nobody', 'a', 'b')"));
    }

    /** As somebody does who makes something, and then describes it. */
    @Test
    void followsARowThroughSeveralTransactions() throws Exception {
        pg.execute("insert into keycloak_group values ('new', 'B', 'x')", "update keycloak_group set name = 'y' where id = 'new'",
                "update keycloak_group set name = repeat('long', 1500) where id = 'new'",
                "update keycloak_group set name = 'short' where id = 'new'");
        assertEquals(Set.of("B"), see());
        assertEquals(Set.of("B"), after("delete from keycloak_group where id = 'new'"));
    }

    /** Else automation, which changes things again and again, would leave no block of which anything is known. */
    @Test
    void looksAgainWhereItDidNotKnow() throws Exception {
        pg.execute("insert into keycloak_group values ('gone', 'B', 'x')", "delete from keycloak_group where id = 'gone'",
                "insert into keycloak_group values ('kept', 'C', 'x')");
        assertNull(see());
        learn();
        assertEquals(Set.of("C"), after("delete from keycloak_group where id = 'kept'"));
        // What nobody owns stays so, and is not looked at for ever.
        pg.execute("insert into client_attributes values ('nobody', 'a', 'b')", "insert into client_attributes values ('A-c1', 'a', 'b')");
        assertNull(see());
        learn();
        assertNull(after("delete from client_attributes where client_id = 'A-c1'"));
    }

    /** More than one portion, and what comes while it is being learnt. */
    @Test
    void learnsALargeTableInPortions() throws Exception {
        pg.execute("insert into client select 'L-c' || n, 'L', repeat('x', 1000) from generate_series(1, 3000) n");
        see();
        blocks.clear();
        blocks.followed(position);
        for (int i = 0; i < 3; i++) {
            blocks.learn(standby, "public");
        }
        assertEquals(Set.of("N"), after("insert into client values ('N-c1', 'N', 'x')"));
        learn();
        assertEquals(Set.of("L"), after("delete from client where id = 'L-c2000'"));
        assertEquals(Set.of("A"), after("delete from client where id = 'A-c3'"));
        assertTrue(after("delete from client where id = 'N-c1'").contains("N"));
    }

    /** A later version of Keycloak may have changed it. */
    @Test
    void doesWithoutATableThatLooksOtherwise() throws Exception {
        pg.execute("alter table role_attribute rename column role_id to of_role");
        try {
            blocks.clear();
            learn();
            pg.execute("insert into role_attribute values ('x', 'A-r1')");
            pg.replay();
            List<Change> changes = wal.changes(position.asString(), replayed().asString(), 1).stream()
                    .filter(change -> change.effect() == Change.Effect.FORGET_REALMS).toList();
            assertEquals(1, changes.size());
            assertNull(wal.rows(changes));
            position = replayed();
            pg.execute("delete from keycloak_role where id = 'C-r499'");
            assertEquals(Set.of("C"), see(), "of the other tables as much is known as before");
        } finally {
            pg.execute("alter table role_attribute rename column of_role to role_id");
        }
    }

    @Test
    void knowsNotWhoseItWasBeforeItHasLearnt() throws Exception {
        blocks.clear();
        assertNull(after("delete from keycloak_role where id = 'C-r500'"));
        blocks.learn(standby, "public");
        // Deleted before it looked, dealt with afterwards: only then that look counts.
        assertNull(blocks.at(RealmTables.names().iterator().next(), 0));
    }

    @Test
    void forgetsWhereItWasRolledBack() throws Exception {
        try (Connection primary = pg.administrator(); Statement statement = primary.createStatement()) {
            primary.setAutoCommit(false);
            statement.execute("insert into client values ('B-no', 'B', 'n')");
            primary.rollback();
        }
        assertNull(see());
    }

    /** Each table is one of Keycloak's, and its realm can be asked for. */
    @Test
    void asksForTheRealmOfEachTable() throws Exception {
        for (String table : new HashSet<>(RealmTables.names())) {
            try (Statement statement = standby.createStatement()) {
                statement.executeQuery("select " + RealmTables.realm(table, "public") + " from public." + table + " t").close();
            }
            assertEquals(true, Tables.isKeycloaks(table), table);
        }
    }
}
