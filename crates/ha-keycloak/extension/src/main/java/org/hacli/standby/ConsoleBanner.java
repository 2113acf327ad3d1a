package org.hacli.standby;

import jakarta.ws.rs.container.ContainerRequestContext;
import jakarta.ws.rs.container.ContainerResponseContext;
import jakarta.ws.rs.container.ContainerResponseFilter;
import jakarta.ws.rs.ext.Provider;
import java.util.regex.Pattern;

/**
 * Says on the pages of the admin and account consoles that nothing can be saved, before somebody fills in a long form. It
 * lies over the page's end, outside of what the console draws, and takes no clicks: no theme needs to know of it.
 */
@Provider
public final class ConsoleBanner implements ContainerResponseFilter {

    private static final Pattern CONSOLE = Pattern.compile("/admin/[^/]+/console(/.*)?|/realms/[^/]+/account(/.*)?");
    private static final String TEXT = "This server is read-only at the moment: changes cannot be saved. Try again in a few minutes.";
    private static final String BANNER = "<div role=\"status\" id=\"ha-read-only\" style=\"position:fixed;bottom:0;left:0;right:0;"
            + "z-index:99999;pointer-events:none;padding:.5em 1em;text-align:center;font-family:sans-serif;color:#151515;"
            + "background:#f0ab00\">" + TEXT + "</div>";
    private static final String END = "</body>";

    @Override
    public void filter(ContainerRequestContext request, ContainerResponseContext response) {
        if (Role.settled() == Role.Mode.READ_ONLY && response.getStatus() == 200 && request.getMethod().equals("GET")
                && response.getEntity() instanceof String page && CONSOLE.matcher(RequestPath.of(request)).matches()) {
            String changed = with(page);
            if (changed != null) {
                response.setEntity(changed);
                response.getHeaders().putSingle("Cache-Control", "no-store"); // the next one may come from a node that writes
            }
        }
    }

    /** Null where it is no page. */
    static String with(String page) {
        int end = page.lastIndexOf(END);
        return end < 0 ? null : page.substring(0, end) + BANNER + page.substring(end);
    }
}
