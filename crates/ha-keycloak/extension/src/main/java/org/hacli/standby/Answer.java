package org.hacli.standby;

import jakarta.ws.rs.container.ContainerRequestContext;
import jakarta.ws.rs.core.MediaType;
import java.util.List;
import java.util.regex.Pattern;

/** What a node says when it refuses: JSON for programs, a page for browsers. */
record Answer(MediaType type, String body) {

    private static final String TEXT = "This Keycloak node is read-only: its database is a standby. Nothing has been changed."
            + " Try again in a few minutes; if that does not help, tell the server's administrator that its read-write node is away.";

    private static final Answer JSON = json("read_only_node", TEXT);
    /** The account console shows an error below the field that it names, and nothing of any other form. */
    private static final Answer ACCOUNT = new Answer(MediaType.APPLICATION_JSON_TYPE,
            "{\"error\":\"read_only_node\",\"error_description\":\"" + TEXT + "\",\"errorMessage\":\"" + TEXT + "\",\"errors\":["
            + field("username") + "," + field("email") + "]}");
    private static final Answer PAGE = page("Read-only", TEXT);
    private static final Pattern ACCOUNT_PATH = Pattern.compile("/realms/[^/]+/account(/.*)?");

    private static final String AWAY = "The database of this Keycloak node does not answer. Try again, or use another node.";
    private static final Answer AWAY_JSON = json("database_unavailable", AWAY);
    private static final Answer AWAY_PAGE = page("No database", AWAY);

    private static final String CHANGING = "This Keycloak node hands its role over to another one."
            + " Nothing has been changed. Try again in a moment.";
    private static final Answer CHANGING_JSON = json("changing_roles", CHANGING);
    private static final Answer CHANGING_PAGE = page("In a moment", CHANGING);

    private static final String UNKNOWN = "This has been written, but may be on one disk only: whether it lasts is not known."
            + " Look whether it was done before you do it again.";
    private static final Answer UNKNOWN_JSON = json("outcome_unknown", UNKNOWN);
    private static final Answer UNKNOWN_PAGE = page("Outcome unknown", UNKNOWN);

    private static String field(String name) {
        return "{\"field\":\"" + name + "\",\"errorMessage\":\"" + TEXT + "\",\"params\":[]}";
    }

    private static Answer json(String error, String text) {
        return new Answer(MediaType.APPLICATION_JSON_TYPE,
                "{\"error\":\"" + error + "\",\"error_description\":\"" + text + "\"}");
    }

    private static Answer page(String title, String text) {
        return new Answer(new MediaType("text", "html", "utf-8"), """
                <!DOCTYPE html>
                <html lang="en">
                <head><meta charset="utf-8"><meta name="robots" content="noindex"><title>%s</title></head>
                <body style="font-family:sans-serif;max-width:36em;margin:4em auto;padding:0 1em">
                <h1>Not possible right now</h1>
                <p>%s</p>
                </body>
                </html>
                """.formatted(title, text));
    }

    /** The page only for who prefers it: a browser names text/html, programs send {@code *}{@code /*} or JSON. */
    static Answer to(ContainerRequestContext request) {
        String path = RequestPath.of(request);
        if (!prefersPage(request.getAcceptableMediaTypes())) {
            return program(path);
        }
        String themed = ThemedPage.of(path);
        return themed == null ? PAGE : new Answer(PAGE.type, themed);
    }

    static Answer program(String path) {
        return ACCOUNT_PATH.matcher(path).matches() ? ACCOUNT : JSON;
    }

    /** For a reader whose realm's theme cannot be used. */
    static Answer plainPage() {
        return PAGE;
    }

    static Answer withoutDatabase(List<MediaType> acceptable) {
        return prefersPage(acceptable) ? AWAY_PAGE : AWAY_JSON;
    }

    static Answer changing(List<MediaType> acceptable) {
        return prefersPage(acceptable) ? CHANGING_PAGE : CHANGING_JSON;
    }

    static Answer outcomeUnknown(List<MediaType> acceptable) {
        return prefersPage(acceptable) ? UNKNOWN_PAGE : UNKNOWN_JSON;
    }

    static boolean prefersPage(List<MediaType> acceptable) {
        for (MediaType type : acceptable) {
            if (type.getSubtype().contains("json")) {
                return false;
            }
            if (type.getType().equals("text") && type.getSubtype().equals("html")) {
                return true;
            }
        }
        return false;
    }
}
