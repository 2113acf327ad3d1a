package org.hacli.standby;

import jakarta.ws.rs.container.ContainerRequestContext;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.HttpURLConnection;
import java.net.URI;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.Objects;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jboss.logging.Logger;
import org.keycloak.Config;
import org.keycloak.models.ClientModel;
import org.keycloak.models.KeycloakSession;
import org.keycloak.models.KeycloakSessionFactory;
import org.keycloak.models.RealmModel;
import org.keycloak.models.UserModel;
import org.keycloak.models.UserSessionModel;
import org.keycloak.models.utils.KeycloakModelUtils;
import org.keycloak.util.JsonSerialization;

/**
 * Logins at this node itself, before anybody else's, some requests to the admin API, and the {@link Rehearsal} of a write.
 * The first ones of a process load all the classes that they need, which takes a second, and two on a busy host; the first
 * ones after a demotion find empty caches and read the whole realm. On a standby that nobody logs in at, these would be the
 * first seconds after a failover.
 *
 * <p>It goes over loopback, as a service account of the administration realm whose client has a secret; where there is
 * none, or where plain HTTP is switched off, the first login stays slow, and that is all. Each session is ended at once.
 */
final class WarmUp implements Runnable {

    private static final Logger LOG = Logger.getLogger("org.hacli.standby");
    /** A new cluster's client arrives while its standby's Keycloak boots. */
    private static final int TRIES = 60;
    private static final long TRY_AGAIN_SECONDS = 2;
    private static final int ANSWER_LIMIT_MILLIS = 10_000;
    /**
     * Once loads the classes; that the Java machine compiles them takes some more: a first write takes 0.15 s, the tenth
     * 0.02. For a process's first time only: what is compiled stays so, and a node that has just been demoted has other work.
     */
    private static final int TIMES = 10;
    private static final AtomicBoolean COMPILED = new AtomicBoolean();
    private static final AtomicBoolean UNDER_WAY = new AtomicBoolean();
    private static volatile boolean ended;
    /** Names such a request, in this process only. */
    private static final String HEADER = "Ha-Warm-Up";
    private static final String OWN = UUID.randomUUID().toString();
    private static final Pattern TOKEN = Pattern.compile("\"access_token\"\\s*:\\s*\"([^\"]+)\"");
    private static final Pattern SESSION = Pattern.compile("\"session_state\"\\s*:\\s*\"([^\"]+)\"");

    private final KeycloakSessionFactory factory;

    private WarmUp(KeycloakSessionFactory factory) {
        this.factory = factory;
    }

    /** One at a time: a database that comes and goes must not be asked for the more. */
    static void begin(KeycloakSessionFactory factory) {
        if (!UNDER_WAY.compareAndSet(false, true)) {
            return;
        }
        ended = false;
        Thread thread = new Thread(new WarmUp(factory), "ha-standby-warm-up");
        thread.setDaemon(true);
        thread.start();
    }

    @Override
    public void run() {
        try {
            // Where it has become read-write meanwhile, others log in, and a session would be written.
            for (int i = 0; i < TRIES && Role.now().mode() != Role.Mode.READ_WRITE; i++) {
                if (once()) {
                    return;
                }
                TimeUnit.SECONDS.sleep(TRY_AGAIN_SECONDS);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } finally {
            ended = true;
            UNDER_WAY.set(false);
        }
    }

    /** Whether there is nothing to wait for: it is done, or was given up. */
    static boolean hasEnded() {
        return ended;
    }

    /** Whether no other try is needed, or would be of use. */
    private boolean once() {
        long start = System.nanoTime();
        try {
            Account account = account();
            if (account == null) {
                return false;
            }
            int times = COMPILED.get() ? 1 : TIMES;
            for (int i = 0; i < times && (i == 0 || Role.now().mode() == Role.Mode.READ_ONLY); i++) {
                if (!visit(root(), account)) {
                    return true;
                }
            }
            Rehearsal.run(factory, times);
            COMPILED.set(true);
            LOG.debugf("warm after %d ms", (System.nanoTime() - start) / 1_000_000);
            return true;
        } catch (IOException | RuntimeException | LinkageError e) {
            LOG.debug("not warm", e);
            return false;
        }
    }

    /** Whether a request comes from here: it changes nothing, whatever it looks like. */
    static boolean isOwn(ContainerRequestContext request) {
        return OWN.equals(request.getHeaderString(HEADER));
    }

    /** A login, two looks at the admin API, and its end; whether it was let in. */
    private boolean visit(String root, Account account) throws IOException {
        String realm = Config.getAdminRealm();
        String answer = answer(open(root + "/realms/" + realm + "/protocol/openid-connect/token"), account.form);
        if (answer == null) {
            return false;
        }
        try {
            String token = found(TOKEN, answer);
            String users = root + "/admin/realms/" + realm + "/users";
            answer(as(token, open(users + "?max=1")), null);
            makeAgain(users, token, account.user);
        } finally {
            String made = found(SESSION, answer);
            if (!made.isEmpty()) {
                end(made);
            }
        }
        return true;
    }

    /** There is such a user: it comes as far as that, and is refused. */
    private static void makeAgain(String users, String token, String user) throws IOException {
        HttpURLConnection again = as(token, open(users));
        again.setRequestProperty("Content-Type", "application/json");
        again.setRequestProperty(HEADER, OWN);
        try {
            answer(again, JsonSerialization.writeValueAsString(Map.of(UserModel.USERNAME, user, "enabled", true)));
        } catch (IOException e) {
            LOG.debug("no user was made twice", e);
        }
    }

    /** The admin API has classes of its own; whether the client may see what it asks for does not matter. */
    private static HttpURLConnection as(String token, HttpURLConnection request) {
        request.setRequestProperty("Authorization", "Bearer " + token);
        return request;
    }

    private static String found(Pattern pattern, String text) {
        Matcher matcher = pattern.matcher(text);
        return matcher.find() ? matcher.group(1) : "";
    }

    /** Who logs in. */
    private static final class Account {

        private final String user;
        /** Of a client-credentials grant. */
        private final String form;

        private Account(String user, String form) {
            this.user = user;
            this.form = form;
        }
    }

    /** Null where no client may log in by its secret. */
    private Account account() {
        Account[] account = new Account[1];
        KeycloakModelUtils.runJobInTransaction(factory, session -> {
            RealmModel realm = session.realms().getRealmByName(Config.getAdminRealm());
            if (realm == null) {
                return;
            }
            session.getContext().setRealm(realm);
            account[0] = realm.getClientsStream()
                    .filter(client -> client.isEnabled() && client.isServiceAccountsEnabled()
                            && client.getSecret() != null)
                    .map(client -> of(session, client)).filter(Objects::nonNull).findFirst().orElse(null);
        });
        return account[0];
    }

    private static Account of(KeycloakSession session, ClientModel client) {
        UserModel user = session.users().getServiceAccount(client);
        return user == null ? null : new Account(user.getUsername(), "grant_type=client_credentials&client_id="
                + encoded(client.getClientId()) + "&client_secret=" + encoded(client.getSecret()));
    }

    private static String encoded(String text) {
        return URLEncoder.encode(text, StandardCharsets.UTF_8);
    }

    private static String root() {
        String path = Settings.server("quarkus.http.root-path");
        String port = Settings.server("quarkus.http.port");
        return "http://127.0.0.1:" + port + (path == null || path.equals("/") ? "" : path);
    }

    private static HttpURLConnection open(String uri) throws IOException {
        HttpURLConnection connection = (HttpURLConnection) URI.create(uri).toURL().openConnection();
        connection.setConnectTimeout(ANSWER_LIMIT_MILLIS);
        connection.setReadTimeout(ANSWER_LIMIT_MILLIS);
        return connection;
    }

    /** The body; null where the request was refused, which it would be the next time as well. */
    private static String answer(HttpURLConnection connection, String sent) throws IOException {
        try {
            if (sent != null) {
                connection.setDoOutput(true);
                try (OutputStream body = connection.getOutputStream()) {
                    body.write(sent.getBytes(StandardCharsets.UTF_8));
                }
            }
            int status = connection.getResponseCode();
            if (status >= 400 && status < 500) {
                return null;
            }
            try (InputStream body = connection.getInputStream()) {
                return new String(body.readAllBytes(), StandardCharsets.UTF_8);
            }
        } finally {
            connection.disconnect();
        }
    }

    private void end(String id) {
        KeycloakModelUtils.runJobInTransaction(factory, session -> {
            RealmModel realm = session.realms().getRealmByName(Config.getAdminRealm());
            session.getContext().setRealm(realm);
            UserSessionModel made = session.sessions().getUserSession(realm, id);
            if (made != null) {
                session.sessions().removeUserSession(realm, made);
            }
        });
    }
}
