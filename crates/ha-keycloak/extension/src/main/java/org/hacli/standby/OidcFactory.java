package org.hacli.standby;

import jakarta.ws.rs.core.Response;
import org.keycloak.models.AuthenticatedClientSessionModel;
import org.keycloak.models.KeycloakSession;
import org.keycloak.models.UserSessionModel;
import org.keycloak.protocol.LoginProtocol;
import org.keycloak.protocol.oidc.OIDCLoginProtocol;
import org.keycloak.protocol.oidc.OIDCLoginProtocolFactory;
import org.keycloak.protocol.oidc.OIDCProviderConfig;

/** OpenID Connect as it is, but no client is told of a logout that will be refused: see {@link OwnSession}. */
public final class OidcFactory extends OIDCLoginProtocolFactory {

    /** Keycloak has one of this id, and casts what it hands out: it is replaced, not stood in front of. */
    private static final class Oidc extends OIDCLoginProtocol {

        Oidc(OIDCProviderConfig config) {
            super(config);
        }

        @Override
        public Response backchannelLogout(UserSessionModel userSession, AuthenticatedClientSessionModel clientSession) {
            return OwnSession.orRefuse(userSession) ? super.backchannelLogout(userSession, clientSession) : null;
        }

        @Override
        public Response frontchannelLogout(UserSessionModel userSession, AuthenticatedClientSessionModel clientSession) {
            return OwnSession.orRefuse(userSession) ? super.frontchannelLogout(userSession, clientSession) : null;
        }
    }

    @Override
    public LoginProtocol create(KeycloakSession session) {
        return new Oidc(((OIDCLoginProtocol) super.create(session)).getConfig()).setSession(session);
    }

    @Override
    public int order() {
        return Wrapping.ORDER;
    }
}
