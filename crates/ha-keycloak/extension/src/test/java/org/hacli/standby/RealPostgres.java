package org.hacli.standby;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import java.util.Properties;
import java.util.UUID;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;

/**
 * A real primary and its hot standby, in containers of the image that {@code HA_POSTGRES_IMAGE} names, with the contract of
 * the official one. Gone when it is closed, and at the latest with the process.
 */
final class RealPostgres implements AutoCloseable {

    static final String STANDBY_NAME = "standby";
    private static final String USER = "postgres";
    private static final String IMAGE = System.getenv().getOrDefault("HA_POSTGRES_IMAGE", "postgres:17");
    private static final long PATIENCE_NANOS = TimeUnit.SECONDS.toNanos(60);

    private final String name = "ha-driver-" + UUID.randomUUID();
    private final String primary = name + "-primary";
    private final String standby = name + "-standby";
    private final Thread atExit = new Thread(this::remove);

    RealPostgres() throws Exception {
        Runtime.getRuntime().addShutdownHook(atExit);
        docker("network", "create", name);
        serve(primary, "initdb -U postgres -A trust -N && echo 'host all,replication all all trust' >> $PGDATA/pg_hba.conf");
        await("the primary", () -> answers(primary));
        serve(standby, "pg_basebackup -h " + primary + " -U postgres -D $PGDATA -R --checkpoint=fast"
                + " -d 'application_name=" + STANDBY_NAME + "'");
        await("the standby", () -> answers(standby));
    }

    private void serve(String container, String prepare) throws Exception {
        docker("run", "--detach", "--name", container, "--network", name, "--publish", "127.0.0.1::5432", "--user", "postgres",
                "--env", "PGDATA=/tmp/data", "--entrypoint", "bash", IMAGE, "-c",
                prepare + " && exec postgres -c listen_addresses='*' -c fsync=off -c wal_retrieve_retry_interval=200ms");
    }

    /** A new session of the driver's, at the primary. */
    Connection primary() throws Exception {
        return new StandbyDriver().connect(url(primary), user());
    }

    Connection primary(String role) throws Exception {
        Properties user = new Properties();
        user.setProperty("user", role);
        return new StandbyDriver().connect(url(primary), user);
    }

    Connection standby() throws Exception {
        return new StandbyDriver().connect(url(standby), user());
    }

    /** For a session of PostgreSQL's own driver. */
    String standbyUrl() throws Exception {
        return url(standby) + "&user=" + USER;
    }

    /** A session of PostgreSQL's own driver, at the standby, as that role. */
    Connection standbyAs(String role) throws Exception {
        Properties user = new Properties();
        user.setProperty("user", role);
        return DriverManager.getConnection(url(standby), user);
    }

    /** A session of PostgreSQL's own driver. */
    Connection administrator() throws Exception {
        return DriverManager.getConnection(url(primary), user());
    }

    void execute(String... statements) throws Exception {
        try (Connection connection = administrator(); Statement statement = connection.createStatement()) {
            for (String sql : statements) {
                statement.execute(sql);
            }
        }
    }

    String ask(String sql) throws Exception {
        try (Connection connection = administrator(); Statement statement = connection.createStatement();
             ResultSet row = statement.executeQuery(sql)) {
            return row.next() ? row.getString(1) : null;
        }
    }

    /** Until the standby has replayed all that the primary has written. */
    void replay() throws Exception {
        String position = ask("select pg_current_wal_insert_lsn()");
        try (Connection connection = DriverManager.getConnection(url(standby), user());
             Statement statement = connection.createStatement()) {
            await("replay", () -> {
                try (ResultSet row = statement.executeQuery(
                        "select pg_last_wal_replay_lsn() >= '" + position + "'::pg_lsn")) {
                    return row.next() && row.getBoolean(1);
                }
            });
        }
    }

    /** Commits wait for the standby from now on, and the standby stands still. */
    void hold() throws Exception {
        execute("alter system set synchronous_standby_names = '" + STANDBY_NAME + "'", "select pg_reload_conf()");
        await("a synchronous standby",
                () -> "sync".equals(ask("select sync_state from pg_stat_replication where application_name = '"
                        + STANDBY_NAME + "'")));
        pause();
    }

    void pause() throws Exception {
        docker("pause", standby);
    }

    void unpause() throws Exception {
        docker("unpause", standby);
    }

    void release() throws Exception {
        unpause();
        execute("alter system reset synchronous_standby_names", "select pg_reload_conf()");
        await("no synchronous standby", () -> "".equals(ask("show synchronous_standby_names")));
    }

    /** Until some session waits for the standby; its process. */
    String waiting() throws Exception {
        String[] pid = new String[1];
        await("a wait for the standby", () -> {
            pid[0] = ask("select pid from pg_stat_activity where wait_event = 'SyncRep'");
            return pid[0] != null;
        });
        return pid[0];
    }

    static void await(String what, Callable<Boolean> condition) throws Exception {
        long deadline = System.nanoTime() + PATIENCE_NANOS;
        while (!condition.call()) {
            if (System.nanoTime() > deadline) {
                throw new AssertionError("waited in vain for " + what);
            }
            TimeUnit.MILLISECONDS.sleep(50);
        }
    }

    private boolean answers(String container) throws Exception {
        try (Connection connection = DriverManager.getConnection(url(container), user())) {
            return connection.isValid(5);
        } catch (SQLException | IOException e) {
            return false;
        }
    }

    private static Properties user() {
        Properties user = new Properties();
        user.setProperty("user", USER);
        return user;
    }

    private static String url(String container) throws Exception {
        String[] lines = docker("port", container, "5432/tcp").split("\n");
        return "jdbc:postgresql://" + lines[0].trim() + "/postgres?targetServerType=any";
    }

    private static String docker(String... arguments) throws Exception {
        List<String> command = new ArrayList<>(List.of("docker"));
        command.addAll(List.of(arguments));
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        if (process.waitFor() != 0) {
            throw new IOException(command + ": " + output);
        }
        return output;
    }

    private void remove() {
        for (String[] removed : new String[][] {{"rm", "--force", "--volumes", primary, standby}, {"network", "rm", name}}) {
            try {
                docker(removed);
            } catch (Exception e) {
                System.err.println(e.getMessage());
            }
        }
    }

    @Override
    public void close() {
        Runtime.getRuntime().removeShutdownHook(atExit);
        remove();
    }
}
