package org.hacli.standby;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.jboss.logging.Logger;
import org.keycloak.Config;
import org.keycloak.models.ClientModel;
import org.keycloak.models.Constants;
import org.keycloak.models.KeycloakSession;
import org.keycloak.models.KeycloakSessionFactory;
import org.keycloak.models.RealmModel;
import org.keycloak.models.UserCredentialModel;
import org.keycloak.models.UserModel;
import org.keycloak.models.utils.KeycloakModelUtils;
import org.keycloak.storage.UserStoragePrivateUtil;
import org.keycloak.storage.UserStorageProvider;
import org.keycloak.userprofile.UserProfile;
import org.keycloak.userprofile.UserProfileContext;
import org.keycloak.userprofile.UserProfileProvider;
import org.keycloak.userprofile.ValidationException;

/**
 * What the first write after a promotion needs, once before: in each realm its clients and the roles of its
 * administrators are read, which keeps them in Keycloak's caches, and a user is made in a transaction that is rolled back,
 * which loads the classes. The driver answers its statements without sending them to a standby.
 *
 * <p>In Keycloak's own storage only: a user federation may be set to create at its own server whatever is made here, and
 * no roll-back takes that back.
 */
final class Rehearsal {

    private static final Logger LOG = Logger.getLogger("org.hacli.standby");
    /** What one look reads is bounded, however many there are. */
    private static final int REALMS = 20;
    private static final int CLIENTS = 20;
    private static final ThreadLocal<Boolean> UNDER_WAY = ThreadLocal.withInitial(() -> false);

    private Rehearsal() { }

    /** Whether this thread's writes are meant for nobody. */
    static boolean isUnderWay() {
        return UNDER_WAY.get();
    }

    static void run(KeycloakSessionFactory factory, int times) {
        List<String> realms = new ArrayList<>();
        KeycloakModelUtils.runJobInTransaction(factory, session ->
                session.realms().getRealmsStream().map(RealmModel::getId).limit(REALMS).forEach(realms::add));
        for (String realm : realms) {
            try {
                KeycloakModelUtils.runJobInTransaction(factory, session -> read(session, realm));
                write(factory, realm, false);
            } catch (RuntimeException e) {
                LOG.debug("no write was rehearsed to its end", e); // a realm may refuse it, by a policy of its passwords
            }
        }
        again(factory, times - 1);
    }

    /** In one realm, with a password, while nobody writes here yet. */
    private static void again(KeycloakSessionFactory factory, int times) {
        String[] realm = new String[1];
        KeycloakModelUtils.runJobInTransaction(factory, session ->
                realm[0] = session.realms().getRealmByName(Config.getAdminRealm()).getId());
        try {
            for (int i = 0; i < times && Role.now().mode() == Role.Mode.READ_ONLY; i++) {
                write(factory, realm[0], true);
            }
        } catch (RuntimeException e) {
            LOG.debug("a write was not rehearsed again", e);
        }
    }

    private static void write(KeycloakSessionFactory factory, String realm, boolean password) {
        asOne(() -> KeycloakModelUtils.runJobInTransaction(factory, session -> make(session, realm, password)));
    }

    static void asOne(Runnable work) {
        UNDER_WAY.set(true);
        try {
            work.run();
        } finally {
            UNDER_WAY.remove();
        }
    }

    private static void read(KeycloakSession session, String id) {
        RealmModel realm = session.realms().getRealm(id);
        if (realm == null) {
            return;
        }
        session.getContext().setRealm(realm);
        realm.getClientsStream(0, CLIENTS).forEach(client -> client.getClientScopes(true).size());
        ClientModel management = realm.getName().equals(Config.getAdminRealm()) ? realm.getMasterAdminClient()
                : realm.getClientByClientId(Constants.REALM_MANAGEMENT_CLIENT_ID);
        if (management != null) {
            management.getRolesStream().forEach(role -> role.getCompositesStream().toList());
        }
        session.keys().getKeysStream(realm).toList();
    }

    private static void make(KeycloakSession session, String id, boolean password) {
        // First of all: also where it has become read-write meanwhile, nothing must stay.
        session.getTransactionManager().setRollbackOnly();
        RealmModel realm = session.realms().getRealm(id);
        if (realm == null) {
            return;
        }
        session.getContext().setRealm(realm);
        UserModel user = made(session, realm, "ha-standby-" + UUID.randomUUID());
        user.setEnabled(true);
        if (password) {
            user.credentialManager().updateCredential(UserCredentialModel.password("Aa1!" + UUID.randomUUID()));
        }
    }

    /** As the admin API makes one, where that stays in Keycloak's own storage. */
    private static UserModel made(KeycloakSession session, RealmModel realm, String name) {
        UserProfile profile = session.getProvider(UserProfileProvider.class).create(UserProfileContext.USER_API, Map.of(
                UserModel.USERNAME, List.of(name), UserModel.EMAIL, List.of(name + "@localhost.invalid"),
                UserModel.FIRST_NAME, List.of("HA"), UserModel.LAST_NAME, List.of("Standby")));
        try {
            if (realm.getComponentsStream(realm.getId(), UserStorageProvider.class.getName()).findAny().isEmpty()) {
                return profile.create();
            }
            profile.validate();
        } catch (ValidationException e) {
            LOG.debug("such a profile is not valid in this realm", e); // and has been gone through
        }
        return UserStoragePrivateUtil.userLocalStorage(session).addUser(realm, name);
    }
}
