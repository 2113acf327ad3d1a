package org.hacli.standby;

import java.sql.Connection;
import java.sql.Driver;
import java.sql.DriverPropertyInfo;
import java.sql.SQLException;
import java.util.Properties;
import java.util.logging.Logger;

/**
 * PostgreSQL's JDBC driver, made fit for a hot standby: see {@link Bookkeeping} for what it changes there. On a primary
 * it hands out PostgreSQL's own objects. Chosen with {@code --db-driver}; not registered with the DriverManager, where
 * it would compete for every {@code jdbc:postgresql:} URL.
 */
public final class StandbyDriver implements Driver {

    private static volatile boolean strictDurability = true; // until the database says otherwise

    /** One for all drivers, since the poller knows of one database. */
    static final Connecting CONNECTING = new Connecting();

    private final Driver postgres = new org.postgresql.Driver();

    /** Strict: statements that switch {@code synchronous_commit} off are left out. */
    static void strictDurability(boolean strict) {
        strictDurability = strict;
    }

    static boolean strictDurability() {
        return strictDurability;
    }

    @Override
    public Connection connect(String url, Properties info) throws SQLException {
        try {
            Connection connection = CONNECTING.connect(() -> {
                Poller.lookNow(); // the pool seldom needs one, and most often because the database is gone
                return postgres.connect(url, info);
            });
            return connection == null ? null : StandbyConnection.wrap(connection);
        } catch (SQLException e) {
            if (CONNECTING.wasThere() && ConnectionLost.is(e)) {
                return LostConnection.because(e, CONNECTING::isGone);
            }
            throw e; // a wrong password, too many connections; or Keycloak starts, and the first failure is to be told
        }
    }

    @Override
    public boolean acceptsURL(String url) throws SQLException {
        return postgres.acceptsURL(url);
    }

    @Override
    public DriverPropertyInfo[] getPropertyInfo(String url, Properties info) throws SQLException {
        return postgres.getPropertyInfo(url, info);
    }

    @Override
    public int getMajorVersion() {
        return postgres.getMajorVersion();
    }

    @Override
    public int getMinorVersion() {
        return postgres.getMinorVersion();
    }

    @Override
    public boolean jdbcCompliant() {
        return postgres.jdbcCompliant();
    }

    @Override
    public Logger getParentLogger() {
        return Logger.getLogger("org.postgresql");
    }
}
