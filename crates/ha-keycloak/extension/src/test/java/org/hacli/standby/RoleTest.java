package org.hacli.standby;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class RoleTest {

    @AfterEach
    void forget() {
        Role.lost();
    }

    private static Role seen(long age) {
        return new Role(Role.Mode.READ_ONLY, "0/10", "0/20", 16L, null, System.nanoTime() - age);
    }

    @Test
    void saysWhatWasSeen() {
        Role.observed(seen(0));
        assertEquals("{\"role\":\"read-only\",\"replay_lsn\":\"0/10\",\"receive_lsn\":\"0/20\","
                + "\"replay_lag_bytes\":16,\"last_replayed_commit\":null,"
                + "\"warm\":false,\"handover\":{}}", Role.now().json("{}"));
    }

    @Test
    void knowsNothingFromAnOldObservation() {
        Role.observed(seen(Role.VALID_NANOS + 1));
        assertEquals(Role.Mode.UNKNOWN, Role.now().mode());
    }
}
