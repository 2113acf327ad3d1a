package org.hacli.standby;

import java.util.List;
import java.util.logging.LogRecord;
import java.util.logging.Logger;

/**
 * Drops the lines and stack traces that Keycloak, Hibernate and the transaction manager log for a write that this
 * extension refused, or for a request whose connection broke: the request filter logs one line for it. Records of any
 * other cause pass.
 */
final class QuietLog {

    /** Held, since the log manager may forget a logger that nobody refers to, and its filter with it. */
    private static final List<Logger> LOGGERS = List.of(
            Logger.getLogger("org.keycloak.services"),
            Logger.getLogger("org.keycloak.services.resources.admin.UsersResource"),
            Logger.getLogger("org.keycloak.services.resources.IdentityBrokerService"),
            Logger.getLogger("org.keycloak.services.managers.AuthenticationManager"),
            Logger.getLogger("org.keycloak.broker.oidc.AbstractOAuth2IdentityProvider"),
            Logger.getLogger("org.keycloak.broker.oidc.OIDCIdentityProvider"),
            Logger.getLogger("org.keycloak.broker.oidc.KeycloakOIDCIdentityProvider"),
            Logger.getLogger("org.keycloak.broker.saml.SAMLEndpoint"),
            Logger.getLogger("org.keycloak.broker.saml.SAMLIdentityProvider"),
            Logger.getLogger("org.keycloak.protocol.saml.SamlService"),
            Logger.getLogger("org.keycloak.credential.PasswordCredentialProvider"),
            Logger.getLogger("org.keycloak.storage.UserStorageManager"),
            Logger.getLogger("com.arjuna.ats.arjuna"),
            Logger.getLogger("com.arjuna.ats.jta"));

    /** What Hibernate logs of an SQL error: its SQLState, then its message, each alone. */
    private static final List<Logger> SQL_ERRORS = List.of(
            Logger.getLogger("org.hibernate.engine.jdbc.spi.SqlExceptionHelper"),
            Logger.getLogger("org.hibernate.orm.jdbc.error"),
            Logger.getLogger("org.hibernate.orm.jdbc.warn"));

    /**
     * Remarks about what a refusal left behind, a flush that was broken off or an error page that nobody will see, and
     * about the roll-back of a rehearsal (keycloak/keycloak#52583): without a cause, so that only the thread tells.
     */
    private static final List<Logger> REMARKS = List.of(
            Logger.getLogger("org.keycloak.services.error.KeycloakErrorHandler"),
            Logger.getLogger("org.hibernate.orm.jdbc.batch"),
            Logger.getLogger("org.hibernate.engine.jdbc.batch.internal.BatchImpl"),
            Logger.getLogger("org.hibernate.orm.session"),
            Logger.getLogger("org.hibernate.orm.core"));

    private QuietLog() { }

    static void install() {
        LOGGERS.forEach(logger -> logger.setFilter(QuietLog::isLoggable));
        SQL_ERRORS.forEach(logger -> logger.setFilter(QuietLog::isSqlErrorLoggable));
        REMARKS.forEach(logger -> logger.setFilter(QuietLog::isRemarkLoggable));
    }

    static boolean isLoggable(LogRecord record) {
        return !WriteRefused.isCauseOf(record.getThrown()) && !ConnectionLost.isCauseOf(record.getThrown())
                && !isOurs(record);
    }

    static boolean isSqlErrorLoggable(LogRecord record) {
        return isLoggable(record) && !ConnectionLost.isToldBy(record) && !ConnectionLost.isMarked();
    }

    static boolean isRemarkLoggable(LogRecord record) {
        return !WriteRefused.isMarked() && !Rehearsal.isUnderWay()
                && !ConnectionLost.isCauseOf(record.getThrown()) && !ConnectionLost.isMarked();
    }

    private static boolean isOurs(LogRecord record) {
        if (WriteRefused.isMessage(record.getMessage())) {
            return true;
        }
        Object[] parameters = record.getParameters();
        if (parameters != null) {
            for (Object parameter : parameters) {
                if (parameter instanceof Throwable thrown && WriteRefused.isCauseOf(thrown)
                        || parameter instanceof String text
                        && (WriteRefused.isMessage(text) || text.equals(WriteRefused.SQL_STATE))) {
                    return true;
                }
            }
        }
        return false;
    }
}
