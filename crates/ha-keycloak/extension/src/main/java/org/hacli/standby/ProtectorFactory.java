package org.hacli.standby;

import org.keycloak.models.KeycloakSession;
import org.keycloak.models.RealmModel;
import org.keycloak.models.UserModel;
import org.keycloak.services.managers.BruteForceProtector;
import org.keycloak.services.managers.BruteForceProtectorFactory;

/** In front of Keycloak's brute-force protection: see {@link LockOuts}. */
public final class ProtectorFactory implements BruteForceProtectorFactory, InFront<BruteForceProtector> {

    @Override
    public BruteForceProtector create(KeycloakSession session) {
        BruteForceProtector real = Wrapping.real(session, BruteForceProtector.class);
        return Wrapping.proxy(BruteForceProtector.class, real, (method, args) -> switch (method.getName()) {
            case "failedLogin", "successfulLogin" -> LockOuts.tell(real, method, args);
            // The second one too: a login through an identity provider asks for nothing else.
            case "isPermanentlyLockedOut", "isTemporarilyDisabled" ->
                (boolean) Wrapping.call(real, method, args) || LockOuts.isLocked((RealmModel) args[1], (UserModel) args[2]);
            default -> Wrapping.FORWARD;
        });
    }
}
