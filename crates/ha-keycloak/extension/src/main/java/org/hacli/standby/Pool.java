package org.hacli.standby;

import io.agroal.api.AgroalDataSource;
import io.agroal.api.AgroalDataSource.FlushMode;
import jakarta.enterprise.inject.spi.CDI;
import org.jboss.logging.Logger;

/** Keycloak's pool of connections. */
final class Pool {

    private static final Logger LOG = Logger.getLogger("org.hacli.standby");

    private Pool() { }

    /**
     * Has the pool make new connections, once the database is back after it was gone. Otherwise each of the old ones
     * would first fail a request with 500, minutes later for the idle ones. Those in use are closed when they are given
     * back; they can only fail.
     */
    static void renew() {
        try {
            CDI.current().select(AgroalDataSource.class).get().flush(FlushMode.GRACEFUL);
        } catch (RuntimeException | LinkageError e) {
            LOG.warn("the pool's connections could not be made anew: each fails once", e);
        }
    }
}
