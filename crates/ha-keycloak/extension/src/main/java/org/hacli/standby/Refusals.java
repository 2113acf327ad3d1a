package org.hacli.standby;

import java.util.Set;
import java.util.regex.Pattern;

/** Which requests a read-only node refuses by their path, before anything runs. Pure. */
final class Refusals {

    private static final Set<String> WRITING = Set.of("POST", "PUT", "DELETE", "PATCH");

    private static final Pattern WRITES = Pattern.compile("/admin/.*"
            + "|/realms/[^/]+/(account|clients-registrations|authz/protection|scim)(/.*)?");

    /** Pages whose only end is a write; showing the form would promise what cannot be kept. */
    private static final Pattern PAGES = Pattern.compile("/realms/[^/]+/(login-actions/"
            + "(registration|reset-credentials|required-action|first-broker-login|action-token)"
            + "|protocol/openid-connect/(registrations|forgot-credentials))(/.*)?");

    private Refusals() { }

    /** @param path decoded, from the server's root, without {@code http-relative-path} */
    static boolean refused(String method, String path) {
        return WRITING.contains(method) && WRITES.matcher(path).matches()
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
