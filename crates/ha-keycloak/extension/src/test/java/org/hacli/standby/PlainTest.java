package org.hacli.standby;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;

class PlainTest {

    @Test
    void whatATerminalObeysIsNotLogged() {
        assertEquals("/realms/?31m?[2J??", Plain.text("/realms/\u009b31m\u001b[2J\u202e\u2028"));
        assertEquals("/a?b??c?", Plain.text("/a\u0085b\r\nc\u007f"));
        assertEquals("/realms/Z\u00fcrich/\u6771\u4eac", Plain.text("/realms/Z\u00fcrich/\u6771\u4eac"));
    }

    @Test
    void aLongPathIsCutBetweenCharacters() {
        assertEquals("\ud83d\ude00".repeat(200) + "...", Plain.text("\ud83d\ude00".repeat(201)));
        assertEquals("a".repeat(200), Plain.text("a".repeat(200)));
    }
}
