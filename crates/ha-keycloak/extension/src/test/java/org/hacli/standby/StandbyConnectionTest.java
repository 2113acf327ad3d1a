package org.hacli.standby;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.sql.Connection;
import java.sql.SQLException;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class StandbyConnectionTest {

    private static final String READ = "select a from t";
    private static final String WRITE = "update realm set a=1";

    @AfterEach
    void forget() {
        WriteRefused.takeMark();
        Role.lost();
    }

    private static FakePostgres inTransaction(boolean standby) throws Exception {
        StandbyDriver.strictDurability(false);
        FakePostgres pg = new FakePostgres(standby);
        pg.connection.setAutoCommit(false);
        assertFalse(pg.connection.getAutoCommit());
        return pg;
    }

    @Test
    void beginsTransactionsOnAPrimary() throws Exception {
        FakePostgres pg = inTransaction(false);
        pg.connection.prepareStatement(READ).executeQuery();
        pg.connection.commit();
        pg.connection.rollback();
        assertFalse(pg.autoCommit);
        assertEquals(List.of(READ, "commit", "rollback"), pg.sent);
        pg.connection.setAutoCommit(true);
        assertTrue(pg.autoCommit);
    }

    @Test
    void beginsNoneOnAStandby() throws Exception {
        FakePostgres pg = inTransaction(true);
        pg.connection.prepareStatement(READ).executeQuery();
        pg.connection.createStatement().executeQuery("select b from t for update");
        pg.connection.commit();
        pg.connection.rollback();
        assertThrows(SQLException.class, () -> pg.connection.prepareStatement(WRITE).executeUpdate());
        pg.connection.setAutoCommit(true);
        assertTrue(pg.autoCommit);
        assertEquals(List.of(READ, "select b from t "), pg.sent);
    }

    @Test
    void beginsOneBeforeTheFirstWriteAfterAPromotion() throws Exception {
        for (boolean reported : new boolean[] {true, false}) {
            FakePostgres pg = inTransaction(true);
            pg.connection.prepareStatement(READ).executeQuery();
            pg.standby = false;
            pg.reportedStandby = reported; // the connection may not have read the report yet
            pg.connection.prepareStatement(WRITE).executeUpdate();
            assertFalse(pg.autoCommit);
            pg.connection.rollback();
            assertEquals(List.of(READ, WRITE, "rollback"), pg.sent);
        }
    }

    @Test
    void beginsOneForWhatWasPreparedBeforeThePromotion() throws Exception {
        FakePostgres pg = inTransaction(true);
        var prepared = pg.connection.prepareStatement(WRITE);
        var batch = pg.connection.prepareStatement(WRITE);
        var plain = pg.connection.createStatement();
        pg.standby = pg.reportedStandby = false;
        prepared.executeUpdate();
        assertFalse(pg.autoCommit);
        pg.autoCommit = true;
        batch.addBatch();
        assertFalse(pg.autoCommit);
        pg.autoCommit = true;
        plain.executeUpdate(WRITE);
        assertFalse(pg.autoCommit);
    }

    @Test
    void beginsOneWhereItsEndOrItsSnapshotMatters() throws Exception {
        FakePostgres pg = inTransaction(true);
        pg.connection.createStatement().execute("set local lock_timeout to 10");
        assertFalse(pg.autoCommit);
        pg = inTransaction(true);
        pg.connection.setSavepoint();
        assertFalse(pg.autoCommit);
        pg = new FakePostgres(true);
        pg.connection.setTransactionIsolation(Connection.TRANSACTION_REPEATABLE_READ);
        pg.connection.setAutoCommit(false);
        assertFalse(pg.autoCommit);
    }
}
