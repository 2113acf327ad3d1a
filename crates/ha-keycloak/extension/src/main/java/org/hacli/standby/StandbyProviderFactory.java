package org.hacli.standby;

import org.jboss.logging.Logger;
import org.keycloak.Config;
import org.keycloak.events.EventListenerProvider;
import org.keycloak.events.EventListenerProviderFactory;
import org.keycloak.models.KeycloakSession;
import org.keycloak.models.KeycloakSessionFactory;
import org.keycloak.models.utils.PostMigrationEvent;

/**
 * The place where Keycloak starts and stops this extension. It is an event listener because that is a public SPI whose
 * factories are always started; as a global one it hears of every realm's lock-outs ({@link Listener}).
 */
public final class StandbyProviderFactory implements EventListenerProviderFactory {

    private static final Logger LOG = Logger.getLogger("org.hacli.standby");

    private Settings settings;
    private Poller poller;
    private HandoverFile handover;

    @Override
    public EventListenerProvider create(KeycloakSession session) {
        return new Listener(session);
    }

    @Override
    public boolean isGlobal() {
        return true;
    }

    @Override
    public void init(Config.Scope config) {
        settings = Settings.read(config);
        StandbyConnection.SCHEMA = Settings::schema;
    }

    @Override
    public void postInit(KeycloakSessionFactory factory) {
        QuietLog.install();
        Bootstrap.watch(factory);
        factory.register(event -> {
            if (event instanceof PostMigrationEvent) {
                start(factory);
            }
        });
    }

    private synchronized void start(KeycloakSessionFactory factory) {
        if (poller != null) {
            return;
        }
        String version = getClass().getPackage().getImplementationVersion();
        LOG.infof("ha-standby %s: polls every %d ms", version == null ? "" : version, settings.pollIntervalMs());
        poller = new Poller(factory, settings);
        Thread thread = new Thread(poller, "ha-standby");
        thread.setDaemon(true);
        thread.start();
        handover = HandoverFile.start();
    }

    @Override
    public synchronized void close() {
        if (poller != null) {
            poller.stop();
            handover.stop();
            poller = null;
        }
    }

    @Override
    public String getId() {
        return "ha-standby";
    }
}
