package org.hacli.standby;

import jakarta.ws.rs.container.ContainerRequestContext;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.AbstractMap.SimpleImmutableEntry;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** A request's parameters, of its query and its form, before Keycloak reads them. */
final class RequestParameters {

    private RequestParameters() { }

    static List<Map.Entry<String, String>> of(ContainerRequestContext request) throws IOException {
        String query = request.getUriInfo().getRequestUri().getRawQuery();
        List<Map.Entry<String, String>> out = new ArrayList<>(parsed(query == null ? "" : query));
        out.addAll(parsed(body(request)));
        return out;
    }

    /** What is posted; empty where nothing is. */
    static String body(ContainerRequestContext request) throws IOException {
        if (!request.getMethod().equals("POST")) {
            return "";
        }
        byte[] body = request.getEntityStream().readAllBytes();
        request.setEntityStream(new ByteArrayInputStream(body));
        return new String(body, StandardCharsets.UTF_8);
    }

    static List<Map.Entry<String, String>> parsed(String text) {
        List<Map.Entry<String, String>> out = new ArrayList<>();
        for (String parameter : text.split("&")) {
            int at = parameter.indexOf('=');
            if (at > 0) {
                out.add(new SimpleImmutableEntry<>(parameter.substring(0, at), decoded(parameter.substring(at + 1))));
            }
        }
        return out;
    }

    private static String decoded(String value) {
        try {
            return URLDecoder.decode(value, StandardCharsets.UTF_8);
        } catch (IllegalArgumentException e) {
            return ""; // Keycloak will say what is wrong
        }
    }
}
