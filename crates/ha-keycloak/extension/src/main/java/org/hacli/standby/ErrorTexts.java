package org.hacli.standby;

import java.io.IOException;
import java.util.Locale;
import org.jboss.logging.Logger;
import org.keycloak.Config;
import org.keycloak.models.KeycloakSessionFactory;
import org.keycloak.models.RealmModel;
import org.keycloak.models.utils.KeycloakModelUtils;
import org.keycloak.theme.Theme;

/**
 * Loads the texts of the admin API's errors, once in a process. Keycloak looks them up when a request fails, and the first
 * time gathers the names of all languages in all languages for it, which takes up to a second: too long where it fails
 * because the database is gone, and its client should ask the other node.
 */
final class ErrorTexts {

    private static final Logger LOG = Logger.getLogger("org.hacli.standby");

    private ErrorTexts() { }

    static void begin(KeycloakSessionFactory factory) {
        Thread thread = new Thread(() -> load(factory), "ha-standby-texts");
        thread.setDaemon(true);
        thread.start();
    }

    private static void load(KeycloakSessionFactory factory) {
        try {
            KeycloakModelUtils.runJobInTransaction(factory, session -> {
                RealmModel realm = session.realms().getRealmByName(Config.getAdminRealm());
                if (realm == null) {
                    return;
                }
                session.getContext().setRealm(realm);
                try {
                    session.theme().getTheme(Theme.Type.ADMIN).getMessages(Locale.ENGLISH);
                } catch (IOException e) {
                    LOG.debug("the texts of errors could not be read", e);
                }
            });
        } catch (RuntimeException | LinkageError e) {
            LOG.debug("the texts of errors were not loaded", e); // the first error is told a little later, and that is all
        }
    }
}
