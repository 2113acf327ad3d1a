package org.hacli.standby;

import org.keycloak.locale.LocaleUpdaterProvider;
import org.keycloak.locale.LocaleUpdaterProviderFactory;
import org.keycloak.models.KeycloakSession;

/**
 * In front of what remembers languages. Who chooses one at a login page has it stored in the account by the login: on a
 * read-only node the browser alone keeps it, since a login is not to fail for that.
 */
public final class LocaleFactory implements LocaleUpdaterProviderFactory, InFront<LocaleUpdaterProvider> {

    @Override
    public LocaleUpdaterProvider create(KeycloakSession session) {
        LocaleUpdaterProvider real = Wrapping.real(session, LocaleUpdaterProvider.class);
        return Wrapping.proxy(LocaleUpdaterProvider.class, real, (method, args) -> {
            if (!method.getName().equals("updateUsersLocale") || Role.settled() != Role.Mode.READ_ONLY) {
                return Wrapping.FORWARD;
            }
            real.updateLocaleCookie((String) args[1]);
            return null;
        });
    }
}
