package org.hacli.standby;

import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.Properties;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import org.jboss.logging.Logger;
import org.keycloak.models.KeycloakSessionFactory;
import org.postgresql.Driver;
import org.postgresql.replication.LogSequenceNumber;

/** The one thread that asks the database for its role and, on a standby, has the caches follow it. */
final class Poller implements Runnable {

    private static final Logger LOG = Logger.getLogger("org.hacli.standby");

    private static final String STATUS = """
            select pg_is_in_recovery(), pg_last_wal_replay_lsn(), pg_last_wal_receive_lsn(),
                   to_char(pg_last_xact_replay_timestamp() at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
                   coalesce(current_setting('ha.durability', true), ''),
                   exists (select from pg_stat_wal_receiver)""";
    private static final String TIMEOUT_SECONDS = "2";
    /** Between two looks at a standby that nothing feeds: its promotion may be near. */
    private static final long ORPHAN_MILLIS = 20;

    /** A permit: somebody has a reason to look at once. */
    private static final Semaphore REASONS = new Semaphore(0);

    private final KeycloakSessionFactory factory;
    private final Settings settings;
    private final Warnings unreadable = new Warnings();
    private final Earlier earlier = new Earlier(() -> connect(Told.APPLICATION + "-snapshot"));

    private volatile boolean stopped;
    private Caches caches;
    private Connection connection;
    /** There was a connection, and the database went away under it. */
    private boolean lost;
    private Told told;
    private Follower follower;
    private Role.Mode mode;
    private boolean textsLoaded;
    /** Since the last change of role. */
    private boolean warmed;
    /** A standby without a WAL receiver. */
    private boolean orphan;

    Poller(KeycloakSessionFactory factory, Settings settings) {
        this.factory = factory;
        this.settings = settings;
    }

    void stop() {
        stopped = true;
        lookNow();
    }

    /** Has the poller look without waiting for its interval. */
    static void lookNow() {
        REASONS.release();
    }

    @Override
    public void run() {
        try {
            while (!stopped) {
                REASONS.drainPermits();
                step();
                long interval = settings.pollIntervalMs();
                REASONS.tryAcquire(orphan ? Math.min(interval, ORPHAN_MILLIS) : interval, TimeUnit.MILLISECONDS);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } finally {
            disconnect();
            Role.lost();
        }
    }

    /** Whatever goes wrong, the node must not go on answering from caches that nobody keeps true. */
    private void step() {
        try {
            if (caches == null) {
                caches = Caches.of(factory);
            }
            if (connection == null) {
                connection = connect(Told.APPLICATION);
                told = new Told();
                StandbyDriver.CONNECTING.back();
                if (lost) {
                    Pool.renew(); // before anybody is told that this node serves again
                    lost = false;
                }
            }
            pass();
        } catch (SQLException | RuntimeException | LinkageError e) {
            LOG.debug("poll failed", e);
            if (ConnectionLost.isRecoveryConflict(e) && isOpen(connection)) {
                follower = null; // the next one begins with clear caches
                lookNow();
                return;
            }
            lost |= connection != null;
            disconnect();
            Role.lost();
            if (lost) {
                StandbyDriver.CONNECTING.gone();
            }
            became(Role.Mode.UNKNOWN, e instanceof SQLException
                    ? ", its database does not answer: " + e.getMessage()
                    : ", this Keycloak cannot do its part: " + e);
            if (caches != null) {
                caches.clearAll();
            }
        }
    }

    private void pass() throws SQLException {
        boolean standby;
        Role.Mode was;
        LogSequenceNumber replayed;
        try (Statement statement = connection.createStatement(); ResultSet row = statement.executeQuery(STATUS)) {
            row.next();
            standby = row.getBoolean(1);
            StandbyDriver.strictDurability(!row.getString(5).equals("async"));
            orphan = standby && !row.getBoolean(6);
            replayed = standby ? lsn(row.getString(2)) : null;
            LogSequenceNumber received = standby ? lsn(row.getString(3)) : null;
            Long lag = received == null || replayed == null ? null
                    : Math.max(0, received.asLong() - replayed.asLong());
            was = Role.settled();
            Role.observed(new Role(standby ? Role.Mode.READ_ONLY : Role.Mode.READ_WRITE,
                    replayed == null ? null : replayed.asString(), received == null ? null : received.asString(), lag,
                    standby ? row.getString(4) : null, System.nanoTime()));
        }
        became(standby ? Role.Mode.READ_ONLY : Role.Mode.READ_WRITE, "");
        if (!textsLoaded && Bootstrap.isCompleted()) {
            textsLoaded = true;
            ErrorTexts.begin(factory);
        }
        if (!standby) {
            LockOuts.storeSoon();
            if (was == Role.Mode.READ_ONLY) {
                Timers.begin();
            }
        }
        if (!standby || replayed == null) {
            follower = null;
            earlier.close();
            told.tell(connection, true);
            return;
        }
        if (follower == null) {
            follower = new Follower(connection, earlier, Settings.schema(), caches, unreadable);
        }
        if (!warmed && Bootstrap.isCompleted()) {
            warmed = true;
            WarmUp.begin(factory);
        }
        long start = System.nanoTime();
        if (earlier.take(follower.hasMoved())) {
            replayed = replayed();
        }
        follower.pass(replayed);
        told.tell(connection, follower.readsWal());
        earlier.turn();
        LOG.tracef("pass took %d us", (System.nanoTime() - start) / 1000);
    }

    private LogSequenceNumber replayed() throws SQLException {
        try (Statement statement = connection.createStatement();
             ResultSet row = statement.executeQuery("select pg_last_wal_replay_lsn()")) {
            row.next();
            return lsn(row.getString(1));
        }
    }

    private static boolean isOpen(Connection connection) {
        try {
            return connection != null && !connection.isClosed();
        } catch (SQLException e) {
            return false;
        }
    }

    private static LogSequenceNumber lsn(String text) {
        return text == null ? null : LogSequenceNumber.valueOf(text);
    }

    private void became(Role.Mode next, String why) {
        if (mode == next) {
            return;
        }
        mode = next;
        HandoverFile.lookNow();
        warmed = false; // whatever the caches held is gone, or soon old
        if (next == Role.Mode.UNKNOWN) {
            LOG.warn("this node's role is unknown" + why);
        } else {
            LOG.infof("this node is now %s, as its database", next.word);
        }
    }

    /** A connection of its own: the pool may be exhausted or waiting for a frozen database. */
    private static Connection connect(String application) throws SQLException {
        Properties properties = new Properties();
        put(properties, "user", Settings.server("quarkus.datasource.username"));
        put(properties, "password", Settings.server("quarkus.datasource.password"));
        properties.setProperty("ApplicationName", application);
        properties.setProperty("connectTimeout", TIMEOUT_SECONDS);
        properties.setProperty("loginTimeout", TIMEOUT_SECONDS);
        properties.setProperty("socketTimeout", TIMEOUT_SECONDS);
        Connection connection = new Driver().connect(Settings.server("quarkus.datasource.jdbc.url"), properties);
        if (connection == null) {
            throw new SQLException("no PostgreSQL URL in quarkus.datasource.jdbc.url");
        }
        return connection;
    }

    private static void put(Properties properties, String name, String value) {
        if (value != null) {
            properties.setProperty(name, value);
        }
    }

    private void disconnect() {
        follower = null;
        earlier.close();
        orphan = false;
        Connection old = connection;
        connection = null;
        if (old != null) {
            try {
                old.abort(Runnable::run); // close() may wait for a server that is frozen
            } catch (SQLException e) {
                LOG.debug("abort", e);
            }
        }
    }
}
