package org.hacli.standby;

import jakarta.ws.rs.core.Response;
import org.keycloak.models.AuthenticatedClientSessionModel;
import org.keycloak.models.KeycloakSession;
import org.keycloak.models.UserSessionModel;
import org.keycloak.protocol.LoginProtocol;
import org.keycloak.protocol.saml.SamlProtocol;
import org.keycloak.protocol.saml.SamlProtocolFactory;

/** SAML as it is, but no client is told of a logout that will be refused: see {@link OwnSession}. */
public final class SamlFactory extends SamlProtocolFactory {

    private static final class Saml extends SamlProtocol {

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
        return new Saml().setSession(session);
    }

    @Override
    public int order() {
        return Wrapping.ORDER;
    }
}
