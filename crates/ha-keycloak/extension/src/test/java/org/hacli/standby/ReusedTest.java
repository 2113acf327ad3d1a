package org.hacli.standby;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.Map;
import org.junit.jupiter.api.Test;

class ReusedTest {

    private static Map<String, String> refresh(String payload) {
        String middle = Base64.getUrlEncoder().withoutPadding().encodeToString(payload.getBytes(StandardCharsets.UTF_8));
        return Map.of("grant_type", "refresh_token", "refresh_token", "e30." + middle + ".c2ln");
    }

    @Test
    void allTokensOfTheClientSessionUntilThen() {
        Reused reused = new Reused();
        reused.add(new Reused.Token("s", "c", 90), 100);
        assertTrue(reused.contains(new Reused.Token("s", "c", 90)));
        assertTrue(reused.contains(new Reused.Token("s", "c", 100)), "the successor, whoever has it");
        assertFalse(reused.contains(new Reused.Token("s", "c", 101)), "of a login since");
        assertFalse(reused.contains(new Reused.Token("s", "other", 90)));
        assertFalse(reused.contains(new Reused.Token("other", "c", 90)));
    }

    @Test
    void theOldestAreForgotten() {
        Reused reused = new Reused();
        for (int i = 0; i <= 10_000; i++) {
            reused.add(new Reused.Token("s" + i, "c", 1), 2);
        }
        assertFalse(reused.contains(new Reused.Token("s0", "c", 1)));
        assertTrue(reused.contains(new Reused.Token("s1", "c", 1)));
        assertTrue(reused.contains(new Reused.Token("s10000", "c", 1)));
    }

    @Test
    void whatARequestRefreshes() {
        assertEquals(new Reused.Token("s", "web", 7),
                ReusedFilter.refreshed(refresh("{\"sid\":\"s\",\"azp\":\"web\",\"iat\":7}")));
        assertNull(ReusedFilter.refreshed(refresh("{\"azp\":\"web\",\"iat\":7}")));
        assertNull(ReusedFilter.refreshed(Map.of("grant_type", "refresh_token")));
        assertNull(ReusedFilter.refreshed(Map.of("grant_type", "refresh_token", "refresh_token", "x.y.z")));
        assertNull(ReusedFilter.refreshed(Map.of("grant_type", "password", "refresh_token", "e30.e30.e30")));
    }
}
