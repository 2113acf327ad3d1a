package org.hacli.standby;

import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.jboss.logging.Logger;
import org.keycloak.Config;
import org.keycloak.models.KeycloakSession;
import org.keycloak.models.KeycloakSessionFactory;
import org.keycloak.models.RealmModel;
import org.keycloak.models.UserCredentialModel;
import org.keycloak.models.UserModel;
import org.keycloak.models.utils.KeycloakModelUtils;
import org.keycloak.storage.UserStoragePrivateUtil;
import org.keycloak.userprofile.UserProfileContext;
import org.keycloak.userprofile.UserProfileProvider;
import org.keycloak.userprofile.ValidationException;

/**
 * A user with a password, made in a transaction that is rolled back: so that the first write after a promotion finds its
 * classes loaded. The driver answers its statements without sending them to a standby.
 *
 * <p>In Keycloak's own storage only: a user federation may be set to create at its own server whatever is made here, and
 * no roll-back takes that back.
 */
final class Rehearsal {

    private static final Logger LOG = Logger.getLogger("org.hacli.standby");
    private static final ThreadLocal<Boolean> UNDER_WAY = ThreadLocal.withInitial(() -> false);

    private Rehearsal() { }

    /** Whether this thread's writes are meant for nobody. */
    static boolean isUnderWay() {
        return UNDER_WAY.get();
    }

    static void run(KeycloakSessionFactory factory) {
        asOne(() -> KeycloakModelUtils.runJobInTransaction(factory, Rehearsal::make));
    }

    static void asOne(Runnable work) {
        UNDER_WAY.set(true);
        try {
            work.run();
        } finally {
            UNDER_WAY.remove();
        }
    }

    private static void make(KeycloakSession session) {
        // First of all: also where it has become read-write meanwhile, nothing must stay.
        session.getTransactionManager().setRollbackOnly();
        RealmModel realm = session.realms().getRealmByName(Config.getAdminRealm());
        if (realm == null) {
            return;
        }
        session.getContext().setRealm(realm);
        String name = "ha-standby-" + UUID.randomUUID();
        try {
            session.getProvider(UserProfileProvider.class)
                    .create(UserProfileContext.USER_API, Map.of(UserModel.USERNAME, List.of(name))).validate();
        } catch (ValidationException e) {
            LOG.debug("a profile of a name alone is not valid in this realm", e); // and has been gone through
        }
        UserModel user = UserStoragePrivateUtil.userLocalStorage(session).addUser(realm, name);
        user.setEnabled(true);
        user.credentialManager().updateCredential(UserCredentialModel.password("Aa1!" + UUID.randomUUID()));
    }
}
