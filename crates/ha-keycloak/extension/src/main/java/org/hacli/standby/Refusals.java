package org.hacli.standby;

import java.util.Set;
import java.util.regex.Pattern;

/** Which requests a read-only node refuses by their path, before anything runs. Pure. */
final class Refusals {

    private static final Set<String> WRITING = Set.of("POST", "PUT", "DELETE", "PATCH");

    /** Of the administration: asked by POST, since the question is long, and answered without a write. */
    private static final Pattern READS = Pattern.compile("/admin/realms/[^/]+/(partial-export|client-description-converter"
            + "|testLDAPConnection|ldap-server-capabilities|identity-provider/import-config"
            + "|clients/[^/]+/(certificates/[^/]+/download|evaluate-scopes/.+"
            + "|authz/resource-server/(policy|permission)/evaluate))/?");

    /** A path may have line ends in it, which {@code .} leaves out without the flag (U+0085, U+2028 and U+2029 among them). */
    private static final Pattern WRITES = Pattern.compile("/admin/.*"
            + "|/realms/[^/]+/(account|clients-registrations|authz/protection|scim)(/.*)?", Pattern.DOTALL);

    /**
     * Pages whose only end is a write; showing the form would promise what cannot be kept. Also what a device or a person
     * elsewhere would have to finish in time, at whichever node they then reach: the request is known to one node only.
     */
    private static final Pattern PAGES = Pattern.compile("/realms/[^/]+/(login-actions/"
            + "(registration|reset-credentials|required-action|first-broker-login|action-token)"
            + "|protocol/openid-connect/(registrations|forgot-credentials|auth/device|ext/ciba/auth)|device)(/.*)?",
            Pattern.DOTALL);

    private Refusals() { }

    /** @param path decoded, from the server's root, without {@code http-relative-path} */
    static boolean refused(String method, String path) {
        return WRITING.contains(method) && WRITES.matcher(path).matches()
                && !(method.equals("POST") && READS.matcher(path).matches())
                || !method.equals("OPTIONS") && PAGES.matcher(path).matches();
    }

    /** The role page that a path asks for ({@code read-write}, {@code read-only}, {@code role}); null: another path. */
    static String rolePage(String method, String path) {
        String prefix = "/realms/master/ha/";
        if (!path.startsWith(prefix) || !method.equals("GET") && !method.equals("HEAD")) {
            return null;
        }
        String page = path.substring(prefix.length());
        return Set.of("read-write", "read-only", "role").contains(page) ? page : null;
    }
}
