package org.hacli.standby;

import java.nio.charset.StandardCharsets;
import java.util.Base64;

/** Who asks, by HTTP's Basic scheme (RFC 7617, UTF-8). */
record BasicCredentials(String id, String secret) {

    private static final String SCHEME = "Basic ";

    /** @return null where the header is none of that scheme */
    static BasicCredentials read(String header) {
        if (header == null || !header.regionMatches(true, 0, SCHEME, 0, SCHEME.length())) {
            return null;
        }
        try {
            byte[] bytes = Base64.getDecoder().decode(header.substring(SCHEME.length()).trim());
            String text = new String(bytes, StandardCharsets.UTF_8);
            int colon = text.indexOf(':');
            return colon < 1 ? null : new BasicCredentials(text.substring(0, colon), text.substring(colon + 1));
        } catch (IllegalArgumentException e) {
            return null;
        }
    }
}
