package org.hacli.standby;

import jakarta.ws.rs.core.MediaType;
import java.util.List;

/** What a read-only node says when it refuses: JSON for programs, a page for browsers. */
record Answer(MediaType type, String body) {

    private static final String TEXT = "This Keycloak node is read-only: its database is a standby."
            + " Nothing has been changed. Try again later, or use the primary node.";

    private static final Answer JSON = new Answer(MediaType.APPLICATION_JSON_TYPE,
            "{\"error\":\"read_only_node\",\"error_description\":\"" + TEXT + "\"}");

    private static final Answer PAGE = new Answer(new MediaType("text", "html", "utf-8"), """
            <!DOCTYPE html>
            <html lang="en">
            <head><meta charset="utf-8"><meta name="robots" content="noindex"><title>Read-only</title></head>
            <body style="font-family:sans-serif;max-width:36em;margin:4em auto;padding:0 1em">
            <h1>Not possible right now</h1>
            <p>%s</p>
            </body>
            </html>
            """.formatted(TEXT));

    /** The page only for who prefers it: a browser names text/html, programs send {@code *}{@code /*} or JSON. */
    static Answer to(List<MediaType> acceptable) {
        for (MediaType type : acceptable) {
            if (type.getSubtype().contains("json")) {
                return JSON;
            }
            if (type.getType().equals("text") && type.getSubtype().equals("html")) {
                return PAGE;
            }
        }
        return JSON;
    }
}
