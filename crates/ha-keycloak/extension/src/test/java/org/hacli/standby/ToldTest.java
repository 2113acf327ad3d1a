package org.hacli.standby;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

class ToldTest {

    @Test
    void tellsWhatIsNotAsItShouldBe() {
        assertEquals("keycloak-ha-standby", Told.text(true, -1));
        assertEquals("keycloak-ha-standby heap=41%", Told.text(true, 41));
        assertEquals("keycloak-ha-standby wal=unread", Told.text(false, -1));
        assertEquals("keycloak-ha-standby wal=unread heap=100%", Told.text(false, 100));
    }

    @Test
    void isNoLongerThanANameMayBe() {
        assertTrue(Told.text(false, 100).length() < 64, "NAMEDATALEN");
    }
}
