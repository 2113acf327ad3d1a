package org.hacli.standby;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;

import java.nio.charset.StandardCharsets;
import java.util.Base64;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.NullSource;
import org.junit.jupiter.params.provider.ValueSource;

class BasicCredentialsTest {

    private static String header(String text) {
        return "basic " + Base64.getEncoder().encodeToString(text.getBytes(StandardCharsets.UTF_8));
    }

    @Test
    void takesASecretOfAnyCharacters() {
        assertEquals(new BasicCredentials("ha-cli", "a:b \\ü'"), BasicCredentials.read(header("ha-cli:a:b \\ü'")));
        assertEquals(new BasicCredentials("ha-cli", ""), BasicCredentials.read(header("ha-cli:")));
    }

    @ParameterizedTest
    @NullSource
    @ValueSource(strings = {"", "Bearer x", "Basic", "Basic !", "Basic aGEtY2xp", "Basic OnNlY3JldA=="})
    void takesNothingElse(String header) {
        assertNull(BasicCredentials.read(header));
    }
}
