package org.hacli.standby;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Base64;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import org.keycloak.models.KeycloakSession;
import org.keycloak.models.session.RevokedTokenPersisterProvider;

/**
 * What the primary leaves in the database when a user was unlocked there, or got a new password: also where Keycloak there
 * knows of no lock-out, and writes nothing. It is a row of the table of revoked tokens, whose changes every standby follows
 * and whose old rows Keycloak deletes; no token has such an id.
 */
final class UnlockMark {

    private static final String PREFIX = "ha-standby-unlock.";
    /** Longer than any standby is behind that has not been restarted, and its counters with it. */
    private static final long KEPT_SECONDS = TimeUnit.DAYS.toSeconds(1);

    private UnlockMark() { }

    static boolean isOne(String id) {
        return id.startsWith(PREFIX);
    }

    /** The part that tells of whom it is; a federated user's id is too long for the column. */
    static String about(String id) {
        return id.substring(0, id.lastIndexOf('.'));
    }

    /** What the marks of a user begin with: each is a row of its own, since a later one must not look like an earlier. */
    static String of(String realm, String user) {
        try {
            byte[] hash = MessageDigest.getInstance("SHA-256").digest((realm + '\n' + user).getBytes(StandardCharsets.UTF_8));
            return PREFIX + Base64.getUrlEncoder().withoutPadding().encodeToString(hash);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e); // every Java has it
        }
    }

    /** Of all users of a realm. */
    static String ofAll(String realm) {
        return of(realm, "");
    }

    /** In this session's transaction. */
    static void leave(KeycloakSession session, String about) {
        session.getProvider(RevokedTokenPersisterProvider.class).revokeToken(about + '.' + UUID.randomUUID(), KEPT_SECONDS);
    }
}
