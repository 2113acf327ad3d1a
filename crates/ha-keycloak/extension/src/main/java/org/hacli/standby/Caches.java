package org.hacli.standby;

import java.util.Collection;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.NoSuchElementException;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import java.util.function.Supplier;
import org.infinispan.Cache;
import org.keycloak.connections.infinispan.InfinispanConnectionProvider;
import org.keycloak.models.KeycloakSession;
import org.keycloak.models.KeycloakSessionFactory;
import org.keycloak.models.SingleUseObjectProvider;
import org.keycloak.models.cache.CacheRealmProvider;
import org.keycloak.models.cache.UserCache;
import org.keycloak.models.cache.infinispan.CacheManager;
import org.keycloak.models.cache.infinispan.CachedCount;
import org.keycloak.models.cache.infinispan.RealmCacheSession;
import org.keycloak.models.cache.infinispan.UserCacheSession;
import org.keycloak.models.cache.infinispan.entities.CachedRealm;
import org.keycloak.models.cache.infinispan.entities.InRealm;
import org.keycloak.models.cache.infinispan.entities.RealmQuery;
import org.keycloak.models.cache.infinispan.entities.Revisioned;
import org.keycloak.models.cache.infinispan.entities.UserListQuery;
import org.keycloak.models.sessions.infinispan.changes.SessionEntityWrapper;
import org.keycloak.models.sessions.infinispan.entities.AuthenticatedClientSessionEntity;
import org.keycloak.models.sessions.infinispan.entities.EmbeddedClientSessionKey;
import org.keycloak.models.sessions.infinispan.entities.SingleUseObjectValueEntity;
import org.keycloak.models.utils.KeycloakModelUtils;

/**
 * Keycloak's caches, all of them of this process only.
 *
 * <p>Keycloak guards the realm and user caches against late writers with a counter: a request may cache what it has
 * read only if the key's revision is not newer than the counter was when the request began. {@code invalidateObject}
 * raises both. {@code clear()} alone forgets the revisions and raises nothing, so that a request that has read an old
 * row could put it back; raising the counter first (by invalidating a key that nothing uses) closes that.
 */
final class Caches {

    private static final String NO_KEY = "ha-standby";
    /** So many of the plain caches, the first, hold authorization settings; the next one holds public keys. */
    private static final int AUTHORIZATION = 2;

    private final CacheManager users;
    private final CacheManager realms;
    /** Keycloak's counters of the entries of these two, also of those that are not cached any more. */
    private final Map<CacheManager, Cache<String, ?>> revisions = new HashMap<>();
    private final List<Cache<?, ?>> plain;
    private final Map<Boolean, Cache<String, SessionEntityWrapper<?>>> userSessions = new HashMap<>();
    private final Map<Boolean, Cache<Object, SessionEntityWrapper<AuthenticatedClientSessionEntity>>> clientSessions =
            new HashMap<>();
    private final Cache<String, SingleUseObjectValueEntity> singleUse;

    private Caches(KeycloakSession session) {
        users = session.getProvider(UserCache.class) instanceof UserCacheSession c ? c.getCache() : null;
        realms = session.getProvider(CacheRealmProvider.class) instanceof RealmCacheSession c ? c.getCache() : null;
        InfinispanConnectionProvider infinispan = session.getProvider(InfinispanConnectionProvider.class);
        if (users != null) {
            revisions.put(users, infinispan.getCache(InfinispanConnectionProvider.USER_REVISIONS_CACHE_NAME));
        }
        if (realms != null) {
            revisions.put(realms, infinispan.getCache(InfinispanConnectionProvider.REALM_REVISIONS_CACHE_NAME));
        }
        plain = List.of(infinispan.getCache(InfinispanConnectionProvider.AUTHORIZATION_CACHE_NAME),
                infinispan.getCache(InfinispanConnectionProvider.AUTHORIZATION_REVISIONS_CACHE_NAME),
                infinispan.getCache(InfinispanConnectionProvider.KEYS_CACHE_NAME));
        userSessions.put(false, infinispan.getCache(InfinispanConnectionProvider.USER_SESSION_CACHE_NAME));
        userSessions.put(true, infinispan.getCache(InfinispanConnectionProvider.OFFLINE_USER_SESSION_CACHE_NAME));
        clientSessions.put(false, infinispan.getCache(InfinispanConnectionProvider.CLIENT_SESSION_CACHE_NAME));
        clientSessions.put(true, infinispan.getCache(InfinispanConnectionProvider.OFFLINE_CLIENT_SESSION_CACHE_NAME));
        singleUse = infinispan.getCache(InfinispanConnectionProvider.ACTION_TOKEN_CACHE);
    }

    static Caches of(KeycloakSessionFactory factory) {
        Caches[] out = new Caches[1];
        KeycloakModelUtils.runJobInTransaction(factory, session -> out[0] = new Caches(session));
        return out[0];
    }

    /** Everything that has been read from the database, except sessions: those made here exist nowhere else. */
    void clearAll() {
        clear(realms);
        clearUsers();
        plain.forEach(Cache::clear);
    }

    void clearUsers() {
        clear(users);
    }

    private static void clear(CacheManager cache) {
        if (cache != null) {
            cache.invalidateObject(NO_KEY);
            cache.clear();
        }
    }

    /**
     * All that is known to be, or might be, of these realms; what is known to be of another one is kept. An entry that is
     * not cached just now may be about to be, by a request that has read an old row: without its counter Keycloak
     * takes the common one, which has just been raised.
     */
    void forgetRealms(Set<String> ids) {
        if (ids.isEmpty()) {
            return;
        }
        for (CacheManager cache : revisions.keySet()) {
            cache.invalidateObject(NO_KEY);
            for (Map.Entry<String, Revisioned> entry : List.copyOf(cache.getCache().entrySet())) {
                if (!isOfAnother(entry.getValue(), ids)) {
                    cache.invalidateObject(entry.getKey());
                }
            }
            forgetCountersOfWhatIsNotCached(cache);
        }
        plain.subList(0, AUTHORIZATION).forEach(Cache::clear);
        Cache<?, ?> keys = plain.get(AUTHORIZATION);
        List.copyOf(keys.keySet()).stream().filter(key -> !isKeyOfAnother(key, ids)).forEach(keys::remove);
    }

    private static boolean isOfAnother(Revisioned value, Set<String> ids) {
        if (value instanceof InRealm part) {
            return part.getRealm() != null && !ids.contains(part.getRealm());
        }
        if (value instanceof RealmQuery query) {
            return query.getRealms().stream().noneMatch(ids::contains);
        }
        return value instanceof CachedRealm realm && !ids.contains(realm.getId());
    }

    /** Keycloak names them {@code realm::client::...} and {@code realm::idp::...}. */
    private static boolean isKeyOfAnother(Object key, Set<String> ids) {
        int end = key instanceof String text ? text.indexOf("::") : -1;
        return end > 0 && !ids.contains(((String) key).substring(0, end));
    }

    /**
     * A user's own entry, links, consents and credentials. The look-ups by name and e-mail need no eviction: Keycloak
     * checks what they lead to against the name that was asked for, and caches no "there is none".
     */
    void evictUsers(Collection<String> ids) {
        if (users == null) {
            return;
        }
        for (String id : ids) {
            users.invalidateObject(id);
            for (String part : List.of(".idplinks", ".consents", ".verifiableCredentials")) {
                users.invalidateObject(id + part);
            }
        }
    }

    /** Also organisation memberships, whose keys have the user's id somewhere in them, and counts of members. */
    void evictUsersWidely(Set<String> ids) {
        evictUsers(ids);
        if (ids.isEmpty() || users == null || realms == null) {
            return;
        }
        List.copyOf(users.getCache().keySet()).stream()
                .filter(key -> ids.stream().anyMatch(key::contains))
                .forEach(users::invalidateObject);
        realms.getCache().entrySet().stream()
                .filter(e -> e.getValue() instanceof CachedCount)
                .map(Map.Entry::getKey).toList()
                .forEach(realms::invalidateObject);
    }

    /**
     * Users of whom something was deleted, perhaps all: whatever is known of them, and whatever leads to them. As with realms, also what
     * a request that has read an old row is about to cache.
     */
    void forgetUsers(Set<String> ids) {
        if (ids.isEmpty() || users == null || realms == null) {
            return;
        }
        evictUsersWidely(ids);
        users.invalidateObject(NO_KEY);
        for (Map.Entry<String, Revisioned> entry : List.copyOf(users.getCache().entrySet())) {
            if (entry.getValue() instanceof UserListQuery query && query.getUsers().stream().anyMatch(ids::contains)) {
                users.invalidateObject(entry.getKey());
            }
        }
        forgetCountersOfWhatIsNotCached(users);
    }

    private void forgetCountersOfWhatIsNotCached(CacheManager cache) {
        Cache<String, ?> counters = revisions.get(cache);
        for (String key : List.copyOf(counters.keySet())) {
            if (!cache.getCache().containsKey(key)) {
                counters.remove(key);
            }
        }
    }

    /** Keys of all cached sessions, read from the caches as they are asked for; null for one that has no key. */
    Iterator<SessionKey> sessions() {
        Iterator<Iterator<SessionKey>> parts = List.<Supplier<Iterator<SessionKey>>>of(
                () -> userKeys(false), () -> clientKeys(false), () -> userKeys(true), () -> clientKeys(true))
                .stream().map(Supplier::get).iterator();
        return new Iterator<>() {
            private Iterator<SessionKey> part = parts.next();

            @Override
            public boolean hasNext() {
                while (!part.hasNext() && parts.hasNext()) {
                    part = parts.next();
                }
                return part.hasNext();
            }

            @Override
            public SessionKey next() {
                if (!hasNext()) {
                    throw new NoSuchElementException();
                }
                return part.next();
            }
        };
    }

    private Iterator<SessionKey> userKeys(boolean offline) {
        return mapped(userSessions.get(offline).keySet().iterator(), id -> SessionKey.user(offline, id));
    }

    private Iterator<SessionKey> clientKeys(boolean offline) {
        return mapped(clientSessions.get(offline).entrySet().iterator(),
                entry -> clientKey(offline, entry.getKey(), entry.getValue()));
    }

    /** Unlike a stream's iterator this one never reads ahead. */
    private static <T> Iterator<SessionKey> mapped(Iterator<T> from, Function<T, SessionKey> key) {
        return new Iterator<>() {
            @Override
            public boolean hasNext() {
                return from.hasNext();
            }

            @Override
            public SessionKey next() {
                return key.apply(from.next());
            }
        };
    }

    private static SessionKey clientKey(boolean offline, Object key, SessionEntityWrapper<AuthenticatedClientSessionEntity> value) {
        if (key instanceof EmbeddedClientSessionKey embedded) {
            return new SessionKey(offline, embedded.userSessionId(), embedded.clientId());
        }
        AuthenticatedClientSessionEntity entity = value.getEntity();
        return entity.getUserSessionId() == null || entity.getClientId() == null ? null
                : new SessionKey(offline, entity.getUserSessionId(), entity.getClientId());
    }

    void remove(Collection<SessionKey> sessions) {
        for (SessionKey session : sessions) {
            if (session.client() == null) {
                userSessions.get(session.offline()).remove(session.userSession());
            } else {
                clientSessions.get(session.offline())
                        .remove(new EmbeddedClientSessionKey(session.userSession(), session.client()));
            }
        }
    }

    /** As Keycloak itself does at start, and only then. */
    void revoked(String tokenId, long secondsLeft) {
        singleUse.putIfAbsent(tokenId + SingleUseObjectProvider.REVOKED_KEY,
                new SingleUseObjectValueEntity(Map.of()), secondsLeft, TimeUnit.SECONDS);
    }
}
