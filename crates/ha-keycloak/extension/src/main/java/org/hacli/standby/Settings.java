package org.hacli.standby;

import org.eclipse.microprofile.config.ConfigProvider;
import org.keycloak.Config;

/**
 * The options, all of run time: {@code --spi-events-listener--ha-standby--<name>=...}.
 *
 * @param pollIntervalMs {@code poll-interval-ms}: how often the database is asked for its role and for changes
 */
record Settings(int pollIntervalMs) {

    static Settings read(Config.Scope scope) {
        int interval = scope.getInt("poll-interval-ms", scope.getInt("pollIntervalMs", 100));
        if (interval < 10 || interval > 10_000) {
            throw new IllegalArgumentException(
                    "spi-events-listener--ha-standby--poll-interval-ms must be 10 to 10000, not " + interval);
        }
        return new Settings(interval);
    }

    /** The schema that Keycloak names in its statements; null where it leaves that to the connection. */
    static String schema() {
        return server("kc.db-schema");
    }

    /** A value of the whole server's configuration, null where it has none. */
    static String server(String name) {
        return ConfigProvider.getConfig().getOptionalValue(name, String.class).orElse(null);
    }
}
