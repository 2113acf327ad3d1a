package org.hacli.standby;

import java.sql.Connection;
import java.sql.Driver;
import java.sql.DriverPropertyInfo;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.Properties;
import java.util.logging.Logger;

/**
 * PostgreSQL's JDBC driver, made fit for a hot standby: see {@link Bookkeeping} for what it changes there. On a primary
 * it forwards all, and looks at each commit ({@link CommitUnknown}). Chosen with {@code --db-driver}; not registered with the DriverManager, where
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
                return hearing(postgres.connect(url, info));
            });
            return connection == null ? null : StandbyConnection.wrap(connection);
        } catch (SQLException e) {
            if (CONNECTING.wasThere() && ConnectionLost.is(e)) {
                return LostConnection.because(e, CONNECTING::isGone);
            }
            throw e; // a wrong password, too many connections; or Keycloak starts, and the first failure is to be told
        }
    }

    /** A role's, a database's or a URL's own {@code client_min_messages} must not hide what {@link CommitUnknown} hears. */
    private static Connection hearing(Connection connection) throws SQLException {
        if (connection != null) {
            try (Statement statement = connection.createStatement()) {
                statement.executeQuery("select set_config('client_min_messages', 'warning', false)"
                        + " where current_setting('client_min_messages') = 'error'").close();
            } catch (SQLException e) {
                connection.close();
                throw e;
            }
        }
        return connection;
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
