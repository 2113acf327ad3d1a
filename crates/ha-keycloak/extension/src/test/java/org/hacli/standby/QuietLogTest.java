package org.hacli.standby;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.sql.SQLException;
import java.util.logging.Level;
import java.util.logging.LogRecord;
import java.util.logging.Logger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class QuietLogTest {

    @AfterEach
    void forget() {
        WriteRefused.takeMark();
    }

    private static LogRecord record(String message, Throwable thrown, Object... parameters) {
        LogRecord record = new LogRecord(Level.SEVERE, message);
        record.setThrown(thrown);
        record.setParameters(parameters);
        return record;
    }

    @Test
    void dropsOnlyWhatARefusalCaused() {
        WriteRefused refused = new WriteRefused(Sql.parse("update t set a=1"));
        assertFalse(QuietLog.isLoggable(record("Uncaught server error", new RuntimeException(refused))));
        assertFalse(QuietLog.isLoggable(record(refused.getMessage(), null)));
        assertFalse(QuietLog.isLoggable(record("SQL Error: 0, SQLState: 25006", null)));
        assertFalse(QuietLog.isLoggable(record("SQL Error: %d, SQLState: %s", null, 0, "25006")));
        assertTrue(QuietLog.isLoggable(record("Uncaught server error", new SQLException("x", "25006"))));
        assertTrue(QuietLog.isLoggable(record("SQL Error: 0, SQLState: 23505", null)));
        assertTrue(QuietLog.isLoggable(record("anything", null)));
    }

    /** They catch whatever went wrong under them, and go on. */
    @ParameterizedTest
    @ValueSource(strings = {"org.keycloak.storage.UserStorageManager", "org.keycloak.services.managers.AuthenticationManager",
            "org.keycloak.protocol.saml.SamlService", "org.keycloak.broker.saml.SAMLEndpoint"})
    void isAskedByThoseWhoForgive(String logger) {
        QuietLog.install();
        LogRecord told = record("failed", new RuntimeException(new WriteRefused(Sql.parse("delete from t"))));
        assertFalse(Logger.getLogger(logger).getFilter().isLoggable(told));
        assertTrue(Logger.getLogger(logger).getFilter().isLoggable(record("failed", new RuntimeException("x"))));
    }

    @Test
    void dropsRemarksOnlyAboutWhatWasRefusedOrRehearsed() {
        LogRecord remark = record("Closing shared session with unprocessed transaction completion actions", null);
        assertTrue(QuietLog.isRemarkLoggable(remark));
        Rehearsal.asOne(() -> assertFalse(QuietLog.isRemarkLoggable(remark)));
        assertTrue(QuietLog.isRemarkLoggable(remark));
        WriteRefused.mark();
        assertFalse(QuietLog.isRemarkLoggable(remark));
    }
}
