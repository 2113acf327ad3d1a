package org.hacli.standby;

import java.lang.reflect.Method;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Collectors;
import org.jboss.logging.Logger;
import org.keycloak.models.RealmModel;
import org.keycloak.models.UserModel;
import org.keycloak.models.utils.KeycloakModelUtils;
import org.keycloak.storage.ReadOnlyException;

/**
 * Permanent lock-outs of a read-only node. Keycloak locks a user out for good by disabling the user's row, in the very
 * transaction that counts the failure: refused, neither would be there, and passwords could be guessed for ever. So here
 * the row stays as it is, Keycloak's own counting goes on, and what it has decided is kept in this process: until the
 * primary leaves an {@link UnlockMark}, or until this node becomes read-write, when the row is disabled after all.
 */
final class LockOuts {

    private static final Logger LOG = Logger.getLogger("org.hacli.standby");

    /** Keycloak's names; from 26.4 to 26.7 the same. */
    private static final String DISABLED_REASON = "disabledReason";
    private static final String PERMANENT_LOCKOUT = "permanentLockout";

    private record Key(String realm, String user) { }

    /** Users who failed on this node; true: locked out for good. */
    private static final Map<Key, Boolean> USERS = new ConcurrentHashMap<>();
    /** The marks of the last look; null: nobody has looked yet. */
    private static Set<String> marks;

    /** A directory that is away would be asked at every look, and Keycloak log a stack trace each time. */
    private static final Pauses PAUSES = new Pauses();

    private static final ThreadLocal<Boolean> CALLED = ThreadLocal.withInitial(() -> false);
    private static final ThreadLocal<Boolean> COUNTING = ThreadLocal.withInitial(() -> false);

    private LockOuts() { }

    /** Whether this thread counts a failure or success on behalf of Keycloak's protection: its writes stay here. */
    static boolean isCounting() {
        return COUNTING.get();
    }

    /** Whether this thread is just telling Keycloak's protection of a login. */
    static boolean isCalled() {
        return CALLED.get();
    }

    /** Tells Keycloak's protection of a login; it counts on a thread of its own. */
    static Object tell(Object protector, Method method, Object[] args) throws Throwable {
        CALLED.set(true);
        try {
            if (method.getName().equals("failedLogin") && Role.settled() == Role.Mode.READ_ONLY) {
                USERS.putIfAbsent(new Key(((RealmModel) args[0]).getId(), ((UserModel) args[1]).getId()), false);
            }
            return Wrapping.call(protector, method, args);
        } finally {
            CALLED.remove();
        }
    }

    static Runnable counting(Runnable work) {
        return () -> {
            COUNTING.set(true);
            try {
                work.run();
            } finally {
                COUNTING.remove();
            }
        };
    }

    /** Keycloak has decided that this user is to be locked out for good. */
    static void decided(String realm, String user) {
        if (isCounting() && Role.settled() == Role.Mode.READ_ONLY) {
            USERS.put(new Key(realm, user), true);
        }
    }

    static boolean isLocked(RealmModel realm, UserModel user) {
        return USERS.getOrDefault(new Key(realm.getId(), user.getId()), false);
    }

    /** What the database holds of the primary's marks now; those that are new take effect. */
    static synchronized void marksAre(Set<String> now) {
        Set<String> before = marks;
        marks = Set.copyOf(now);
        if (before == null || USERS.isEmpty()) {
            return; // what this process has counted is younger than all of them; or there is nothing to lift
        }
        Set<String> fresh = now.stream().filter(mark -> !before.contains(mark)).map(UnlockMark::about)
                .collect(Collectors.toSet());
        if (fresh.isEmpty()) {
            return;
        }
        for (Key key : List.copyOf(USERS.keySet())) {
            if (fresh.contains(UnlockMark.of(key.realm, key.user)) || fresh.contains(UnlockMark.ofAll(key.realm))) {
                USERS.remove(key);
                Aside.run("unlock", () -> forget(key));
            }
        }
    }

    /** With Keycloak's own counters, or the next failure would lock out again. */
    private static void forget(Key key) {
        KeycloakModelUtils.runJobInTransaction(Bootstrap.sessions(), session -> {
            RealmModel realm = session.realms().getRealm(key.realm);
            if (realm != null) {
                session.getContext().setRealm(realm);
                session.loginFailures().removeUserLoginFailure(realm, key.user);
            }
        });
        LOG.debug("a lock-out was lifted on the primary");
    }

    /** This node writes now. */
    static void storeSoon() {
        if (!USERS.isEmpty() && PAUSES.isOver(System.nanoTime())) {
            Aside.runOne("lock-outs", LockOuts::store);
        }
    }

    /** Locks out in the database who was locked out here meanwhile. */
    private static void store() {
        boolean stored = true;
        for (Key key : List.copyOf(USERS.keySet())) {
            if (!USERS.get(key)) {
                USERS.remove(key);
                continue;
            }
            try {
                KeycloakModelUtils.runJobInTransaction(Bootstrap.sessions(), session -> {
                    RealmModel realm = session.realms().getRealm(key.realm);
                    if (realm == null) {
                        return;
                    }
                    session.getContext().setRealm(realm);
                    UserModel user = session.users().getUserById(realm, key.user);
                    if (user == null) {
                        return;
                    }
                    user.setEnabled(false);
                    try {
                        user.setSingleAttribute(DISABLED_REASON, PERMANENT_LOCKOUT);
                    } catch (ReadOnlyException e) {
                        LOG.debug("a read-only user has no reason", e); // as Keycloak forgives it
                    }
                });
                USERS.remove(key);
            } catch (RuntimeException e) {
                LOG.debug("a lock-out is not stored yet", e); // it holds, and a later look tries again
                stored = false;
            }
        }
        if (stored) {
            PAUSES.succeeded();
        } else {
            PAUSES.failed(System.nanoTime());
        }
    }

}
