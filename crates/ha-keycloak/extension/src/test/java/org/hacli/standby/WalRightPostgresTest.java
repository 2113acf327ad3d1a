package org.hacli.standby;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.Statement;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.postgresql.replication.LogSequenceNumber;

/** The right to read the WAL, taken away and given back while Keycloak runs on a real standby. */
@Tag("postgres")
class WalRightPostgresTest {

    private static final String CALL = "execute on function ha.pg_get_wal_block_info(pg_lsn, pg_lsn, boolean)";

    private static RealPostgres pg;

    private LogSequenceNumber position;

    @BeforeAll
    static void start() throws Exception {
        pg = new RealPostgres();
        pg.execute("create role kc login", "create schema ha", "create extension pg_walinspect schema ha",
                "grant usage on schema ha to kc", "grant " + CALL + " to kc", "create table realm (id text)");
        pg.replay();
    }

    @AfterAll
    static void stop() {
        if (pg != null) {
            pg.close();
        }
    }

    @Test
    void isMissedAndFoundAgain() throws Exception {
        try (Connection standby = pg.standbyAs("kc")) {
            WalReader wal = new WalReader(standby, "public");
            position = replayed(standby);
            for (String[] way : new String[][] {
                {"revoke " + CALL + " from kc", "grant " + CALL + " to kc"},
                {"revoke usage on schema ha from kc", "grant usage on schema ha to kc"},
                {"drop extension pg_walinspect", "create extension pg_walinspect schema ha"},
            }) {
                assertTrue(changes(standby, wal).contains("realm"), "before " + way[0]);
                assertTrue(wal.available(), "before " + way[0]);
                pg.execute(way[0]);
                assertThrows(WalReader.Unreadable.class, () -> changes(standby, wal), way[0]);
                assertFalse(wal.available(), "after " + way[0]);
                pg.execute(way[1]);
                if (way[1].startsWith("create")) {
                    pg.execute("grant " + CALL + " to kc");
                }
                assertTrue(changes(standby, wal).contains("realm"), "after " + way[1]);
                assertTrue(wal.available(), "after " + way[1]);
            }
            // Too much at once is no want of a right.
            assertThrows(WalReader.Unreadable.class, () -> wal.changes("0/1", "0/2", Long.MAX_VALUE));
            assertTrue(wal.available());
        }
    }

    /** The tables that the WAL says have changed since the last call, one of which is made to. */
    private List<String> changes(Connection standby, WalReader wal) throws Exception {
        pg.execute("insert into realm values ('x')");
        pg.replay();
        LogSequenceNumber now = replayed(standby);
        LogSequenceNumber from = position;
        position = now;
        return wal.changes(from.asString(), now.asString(), now.asLong() - from.asLong()).stream().map(Change::table)
                .map(String::valueOf).toList();
    }

    private static LogSequenceNumber replayed(Connection standby) throws Exception {
        try (Statement statement = standby.createStatement();
             ResultSet row = statement.executeQuery("select pg_last_wal_replay_lsn()")) {
            row.next();
            return LogSequenceNumber.valueOf(row.getString(1));
        }
    }
}
