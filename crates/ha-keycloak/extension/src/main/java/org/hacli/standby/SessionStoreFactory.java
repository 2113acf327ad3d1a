package org.hacli.standby;

import java.util.Objects;
import java.util.stream.Stream;
import org.keycloak.models.KeycloakSession;
import org.keycloak.models.RealmModel;
import org.keycloak.models.UserModel;
import org.keycloak.models.UserSessionModel;
import org.keycloak.models.session.UserSessionPersisterProvider;
import org.keycloak.models.session.UserSessionPersisterProviderFactory;

/**
 * In front of what reads sessions from the database, and cleans them up there: a user's sessions are also those that were
 * {@link MadeHere} and have no row, or a limit to their number would not hold; expired ones are removed by who writes.
 */
public final class SessionStoreFactory implements UserSessionPersisterProviderFactory, InFront<UserSessionPersisterProvider> {

    @Override
    public UserSessionPersisterProvider create(KeycloakSession session) {
        UserSessionPersisterProvider real = Wrapping.real(session, UserSessionPersisterProvider.class);
        return Wrapping.proxy(UserSessionPersisterProvider.class, real, (method, args) -> switch (method.getName()) {
            case "loadUserSessionsStream" -> args[1] instanceof UserModel user && Boolean.FALSE.equals(args[2])
                    ? Stream.concat((Stream<?>) Wrapping.call(real, method, args), own(session, (RealmModel) args[0], user))
                    : Wrapping.FORWARD;
            case "removeExpired" -> Role.settled() == Role.Mode.READ_WRITE ? Wrapping.FORWARD : null;
            default -> Wrapping.FORWARD;
        });
    }

    private static Stream<UserSessionModel> own(KeycloakSession session, RealmModel realm, UserModel user) {
        return MadeHere.of(user.getId()).stream().map(id -> session.sessions().getUserSession(realm, id))
                .filter(Objects::nonNull);
    }
}
