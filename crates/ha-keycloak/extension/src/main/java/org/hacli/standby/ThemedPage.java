package org.hacli.standby;

import jakarta.ws.rs.core.Response;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jboss.logging.Logger;
import org.keycloak.forms.login.LoginFormsProvider;
import org.keycloak.models.RealmModel;
import org.keycloak.models.utils.KeycloakModelUtils;

/** A refusal as a page of the realm's own theme, in the reader's language as far as this jar or the realm has it. */
final class ThemedPage {

    private static final Logger LOG = Logger.getLogger("org.hacli.standby");
    private static final Pattern REALM = Pattern.compile("/(?:realms|admin/realms|admin)/([^/]+)(?:/.*)?");
    /** The texts are in {@code theme-resources/messages}; a realm's own localization goes before them. */
    private static final String MESSAGE = "haReadOnlyNode";

    private ThemedPage() { }

    /** Null where it cannot be made. Looks into the database, so never on the thread that reads the network. */
    static String of(String path) {
        Matcher matcher = REALM.matcher(path);
        if (!matcher.matches() || Bootstrap.sessions() == null || !RequestThread.isCurrent()) {
            return null;
        }
        try {
            return KeycloakModelUtils.runJobInTransactionWithResult(Bootstrap.sessions(), session -> {
                RealmModel realm = session.realms().getRealmByName(matcher.group(1));
                if (realm == null) {
                    return null;
                }
                session.getContext().setRealm(realm);
                Response page = session.getProvider(LoginFormsProvider.class).setError(MESSAGE)
                        .createErrorPage(Response.Status.SERVICE_UNAVAILABLE);
                return page.getEntity() instanceof String text ? text : null;
            });
        } catch (RuntimeException | LinkageError e) {
            LOG.debug("no page of the realm's theme", e);
            return null;
        }
    }
}
