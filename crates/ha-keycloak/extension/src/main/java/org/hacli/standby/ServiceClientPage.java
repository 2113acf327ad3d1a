package org.hacli.standby;

import jakarta.ws.rs.GET;
import jakarta.ws.rs.HeaderParam;
import jakarta.ws.rs.POST;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.core.MediaType;
import jakarta.ws.rs.core.MultivaluedHashMap;
import jakarta.ws.rs.core.MultivaluedMap;
import jakarta.ws.rs.core.Response;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.security.MessageDigest;
import java.util.List;
import org.jboss.logging.Logger;
import org.keycloak.common.enums.SslRequired;
import org.keycloak.common.util.Time;
import org.keycloak.models.AdminRoles;
import org.keycloak.models.AuthenticationFlowModel;
import org.keycloak.models.ClientModel;
import org.keycloak.models.KeycloakSession;
import org.keycloak.models.RealmModel;
import org.keycloak.models.RoleModel;
import org.keycloak.models.UserModel;
import org.keycloak.services.clientpolicy.ClientPolicyException;
import org.keycloak.services.clientpolicy.context.ServiceAccountTokenRequestContext;

/**
 * Tells whether ha-cli's own client would get in, without a session, an event or a write; and makes it whole for whoever has the
 * engine's word: a file that was put into this container. A caller without the client's secret learns no more than at a login.
 */
public final class ServiceClientPage {

    private static final Logger LOG = Logger.getLogger("org.hacli.standby");
    /** Removed by the first request that may be the one it was put there for. */
    private static final java.nio.file.Path PERMIT = java.nio.file.Path.of("/tmp/ha-service-client");
    private static final String BY_SECRET = "client-secret";
    private static final String OIDC = "openid-connect";
    private static final String USABLE = "usable";
    /** A client's attributes that ask for a proof beside its secret. */
    private static final List<String> MORE =
            List.of("tls.client.certificate.bound.access.tokens", "dpop.bound.access.tokens");

    /** A login of a client that has no session yet, of which Keycloak would ask these. */
    private static final class Asked extends ServiceAccountTokenRequestContext {

        private final ClientModel client;

        Asked(MultivaluedMap<String, String> parameters, ClientModel client) {
            super(parameters, null);
            this.client = client;
        }

        public ClientModel getClient() {
            return client;
        }

        public String getScopeParameter() {
            return null;
        }
    }

    private final KeycloakSession session;
    private final RealmModel realm;

    ServiceClientPage(KeycloakSession session) {
        this.session = session;
        realm = session.getContext().getRealm();
    }

    @GET
    @Path("service-client")
    public Response look(@HeaderParam("Authorization") String authorization) {
        BasicCredentials who = BasicCredentials.read(authorization);
        if (who == null || !isMaster()) {
            return status(404);
        }
        String state = state(who);
        return answer(state.equals(USABLE) ? refusedByRealm(who) : state);
    }

    @POST
    @Path("service-client")
    public Response mend(@HeaderParam("Authorization") String authorization, @HeaderParam("X-Ha-Permit") String permit) {
        BasicCredentials who = BasicCredentials.read(authorization);
        if (who == null || !isMaster() || !isPermitted(permit)) {
            return status(404);
        }
        mend(who);
        String state = state(who);
        LOG.infof("the service client %s was made whole by the engine's word: %s", who.id(), state);
        return answer(state);
    }

    private boolean isMaster() {
        return realm.getName().equals(org.keycloak.Config.getAdminRealm());
    }

    private static boolean isPermitted(String permit) {
        if (permit == null || permit.isEmpty()) {
            return false;
        }
        try {
            byte[] wanted = Files.readAllBytes(PERMIT);
            boolean same = MessageDigest.isEqual(wanted, permit.getBytes(StandardCharsets.UTF_8));
            if (same) {
                Files.delete(PERMIT);
            }
            return same;
        } catch (IOException e) {
            return false;
        }
    }

    private String state(BasicCredentials who) {
        ClientModel client = realm.getClientByClientId(who.id());
        if (client == null || client.isPublicClient() || client.isBearerOnly() || !OIDC.equals(client.getProtocol())
                || !BY_SECRET.equals(client.getClientAuthenticatorType()) || !client.validateSecret(who.secret())) {
            return "unknown";
        }
        if (!client.isEnabled()) {
            return "disabled";
        }
        UserModel account = client.isServiceAccountsEnabled() ? session.users().getServiceAccount(client) : null;
        if (account == null || !account.isEnabled()) {
            return "no-service-account";
        }
        RoleModel role = realm.getRole(AdminRoles.CREATE_REALM);
        if (role == null || !account.hasRole(role) || !client.hasScope(role)) {
            return "no-role";
        }
        if (asksForMore(client) || isInTheFuture(session.users().getNotBeforeOfUser(realm, account))) {
            return "changed";
        }
        return isRefusedForWantOfHttps() ? "https-required" : USABLE;
    }

    /** Whether its secret alone gives it no token, or none that is good. */
    private static boolean asksForMore(ClientModel client) {
        return isInTheFuture(client.getNotBefore()) || MORE.stream().anyMatch(it -> Boolean.parseBoolean(client.getAttribute(it)));
    }

    private static boolean isInTheFuture(int seconds) {
        return seconds > Time.currentTime();
    }

    /** What the realm has decided of all clients, or of this one: not for this page to change. */
    private String refusedByRealm(BasicCredentials who) {
        if (!realm.isEnabled() || isInTheFuture(realm.getNotBefore())) {
            return "realm-disabled";
        }
        AuthenticationFlowModel flow = realm.getClientAuthenticationFlow();
        boolean takesSecret = flow != null && realm.getAuthenticationExecutionsStream(flow.getId())
                .anyMatch(it -> BY_SECRET.equals(it.getAuthenticator()) && !it.isDisabled());
        if (!takesSecret) {
            return "no-secret-flow";
        }
        return isRefusedByPolicy(realm.getClientByClientId(who.id())) ? "policy" : USABLE;
    }

    /** Asks the policies as a login would. What they might do besides is undone. */
    private boolean isRefusedByPolicy(ClientModel client) {
        session.getTransactionManager().setRollbackOnly();
        session.getContext().setClient(client);
        try {
            MultivaluedMap<String, String> parameters = new MultivaluedHashMap<>();
            parameters.putSingle("grant_type", "client_credentials");
            session.clientPolicy().triggerOnEvent(new Asked(parameters, client));
            return false;
        } catch (ClientPolicyException e) {
            return true;
        } catch (RuntimeException e) {
            LOG.debug("a client policy cannot tell without a login", e);
            return false;
        }
    }

    private boolean isRefusedForWantOfHttps() {
        boolean https = "https".equals(session.getContext().getUri().getBaseUri().getScheme());
        return !https && realm.getSslRequired().isRequired(session.getContext().getConnection());
    }

    private void mend(BasicCredentials who) {
        ClientModel known = realm.getClientByClientId(who.id());
        ClientModel client = known == null ? realm.addClient(who.id()) : known;
        client.setProtocol(OIDC);
        client.setEnabled(true);
        client.setPublicClient(false);
        client.setBearerOnly(false);
        client.setStandardFlowEnabled(false);
        client.setImplicitFlowEnabled(false);
        client.setDirectAccessGrantsEnabled(false);
        client.setServiceAccountsEnabled(true);
        client.setFullScopeAllowed(true);
        client.setClientAuthenticatorType(BY_SECRET);
        client.setSecret(who.secret());
        client.setAttribute("client_credentials.use_refresh_token", "true");
        client.setNotBefore(0);
        MORE.forEach(client::removeAttribute);
        if (known == null) {
            realm.getDefaultClientScopesStream(true).toList().forEach(scope -> client.addClientScope(scope, true));
        }
        UserModel account = account(client);
        account.setEnabled(true);
        session.users().setNotBeforeForUser(realm, account, 0);
        account.grantRole(realm.getRole(AdminRoles.CREATE_REALM));
        // Nobody at all gets in by plain HTTP then, the administrators included; by HTTPS this request would not be refused.
        if (isRefusedForWantOfHttps() && realm.getSslRequired() == SslRequired.ALL) {
            realm.setSslRequired(SslRequired.EXTERNAL);
        }
    }

    private UserModel account(ClientModel client) {
        UserModel linked = session.users().getServiceAccount(client);
        if (linked != null) {
            return linked;
        }
        String name = "service-account-" + client.getClientId();
        UserModel named = session.users().getUserByUsername(realm, name);
        UserModel account = named == null ? session.users().addUser(realm, name) : named;
        account.setServiceAccountClientLink(client.getId());
        return account;
    }

    private static Response answer(String state) {
        return Response.ok("{\"service_client\":\"" + state + "\"}", MediaType.APPLICATION_JSON_TYPE)
                .header("Cache-Control", "no-store").build();
    }

    private static Response status(int status) {
        return Response.status(status).header("Cache-Control", "no-store").build();
    }
}
