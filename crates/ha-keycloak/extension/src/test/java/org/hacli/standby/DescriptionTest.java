package org.hacli.standby;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;

import java.util.List;
import org.junit.jupiter.api.Test;

/** As PostgreSQL 16 to 18 describe them; what it really says is in {@link RealmPostgresTest}. */
class DescriptionTest {

    private static Change.Tuples tuples(List<Integer> made, int ended) {
        return new Change.Tuples(made, ended);
    }

    @Test
    void tellsWhatARecordMadeAndEnded() {
        assertEquals(tuples(List.of(5), 0), Description.tuples("INSERT", "off: 5, flags: 0x00", true, true));
        assertEquals(tuples(List.of(), 7),
                Description.tuples("DELETE", "xmax: 743, off: 7, infobits: [KEYS_UPDATED], flags: 0x00", true, true));
        String update = "old_xmax: 744, old_off: 2, old_infobits: [], flags: 0x60, new_xmax: 0, new_off: 9";
        assertEquals(tuples(List.of(9), 2), Description.tuples("HOT_UPDATE", update, true, true));
        assertEquals(tuples(List.of(9), 2), Description.tuples("UPDATE+INIT", update, true, true));
        assertEquals(tuples(List.of(9), 0), Description.tuples("UPDATE", update, true, false));
        assertEquals(tuples(List.of(), 2), Description.tuples("UPDATE", update, false, false));
        assertEquals(tuples(List.of(3, 4), 0),
                Description.tuples("MULTI_INSERT", "ntuples: 2, flags: 0x02, offsets: [3, 4]", true, true));
        assertEquals(tuples(List.of(1, 2, 3), 0), Description.tuples("MULTI_INSERT+INIT", "ntuples: 3, flags: 0x00", true, true));
    }

    @Test
    void knowsNothingOfAnythingElse() {
        assertNull(Description.tuples("INSERT", "off 5 flags 0x00", true, true)); // as before PostgreSQL 16
        assertNull(Description.tuples("DELETE", "", true, true));
        assertNull(Description.tuples("MULTI_INSERT", "ntuples: 2, flags: 0x02, offsets: [3]", true, true));
        assertNull(Description.tuples("REWRITE", "off: 5", true, true));
    }
}
