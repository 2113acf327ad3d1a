package org.hacli.standby;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.hacli.standby.Handover.Fate;
import org.hacli.standby.Handover.Word;
import org.hacli.standby.Sender.Wants;
import org.junit.jupiter.api.Test;

class HandoverTest {

    private static final Sender SMALL = new Sender(Wants.PRIMARY, true);
    private static final Sender LARGE = new Sender(Wants.PRIMARY, false);
    private static final Sender READER = new Sender(Wants.STANDBY, true);
    private static final Sender DIRECT = new Sender(Wants.UNKNOWN, false);

    private static Fate fate(Word word, Role.Mode mode, Sender sender, boolean refused) {
        return new Handover(word, "1", 0, 0).fate(mode, false, sender, refused);
    }

    @Test
    void nobodyWaitsForNothing() {
        for (boolean refused : new boolean[] {false, true}) {
            assertEquals(Fate.GO_ON, fate(Word.NONE, Role.Mode.READ_WRITE, SMALL, refused));
            assertEquals(Fate.GO_ON, fate(Word.NONE, Role.Mode.READ_ONLY, DIRECT, refused), "refused by its path, as ever");
            assertEquals(Fate.GO_ON, fate(Word.NONE, Role.Mode.READ_ONLY, READER, refused));
        }
    }

    @Test
    void whatIsForAPrimaryIsNotForAStandby() {
        assertEquals(Fate.REPEAT, fate(Word.NONE, Role.Mode.READ_ONLY, SMALL, false));
        assertEquals(Fate.LATER, fate(Word.NONE, Role.Mode.READ_ONLY, LARGE, true));
        assertEquals(Fate.GO_ON, fate(Word.NONE, Role.Mode.READ_ONLY, LARGE, false), "a login works there");
    }

    @Test
    void theTargetSendsBackWhatCanBeRepeatedWhileTheOldOneServesAndHoldsTheRest() {
        assertEquals(Fate.REPEAT, fate(Word.EXPECT, Role.Mode.READ_ONLY, SMALL, false));
        assertEquals(Fate.HOLD, fate(Word.EXPECT, Role.Mode.READ_ONLY, LARGE, false));
        assertEquals(Fate.HOLD, fate(Word.TAKE, Role.Mode.READ_ONLY, SMALL, false));
        assertEquals(Fate.HOLD, fate(Word.TAKE, Role.Mode.READ_ONLY, LARGE, true));
        assertEquals(Fate.HOLD, fate(Word.TAKE, Role.Mode.READ_ONLY, DIRECT, true), "its write would be refused");
        assertEquals(Fate.GO_ON, fate(Word.TAKE, Role.Mode.READ_ONLY, DIRECT, false));
        assertEquals(Fate.GO_ON, fate(Word.TAKE, Role.Mode.READ_ONLY, READER, false));
        assertEquals(Fate.GO_ON, fate(Word.TAKE, Role.Mode.READ_WRITE, SMALL, true), "it is promoted");
    }

    @Test
    void theOldOneServesUntilItIsToldToTakeNoMore() {
        for (Sender sender : new Sender[] {SMALL, LARGE, DIRECT}) {
            assertEquals(Fate.GO_ON, fate(Word.LEAVE, Role.Mode.READ_WRITE, sender, true));
        }
        assertEquals(Fate.REPEAT, fate(Word.CLOSE, Role.Mode.READ_WRITE, SMALL, false));
        assertEquals(Fate.LATER, fate(Word.CLOSE, Role.Mode.READ_WRITE, LARGE, false));
        assertEquals(Fate.GO_ON, fate(Word.CLOSE, Role.Mode.READ_WRITE, DIRECT, false), "nobody would send it elsewhere");
    }

    @Test
    void withoutADatabaseNothingWasDone() {
        for (Word word : Word.values()) {
            Handover handover = new Handover(word, "1", 0, 0);
            assertEquals(Fate.REPEAT, handover.fate(Role.Mode.UNKNOWN, true, SMALL, false));
            assertEquals(Fate.LATER, handover.fate(Role.Mode.UNKNOWN, true, LARGE, false));
            assertEquals(Fate.LATER, handover.fate(Role.Mode.UNKNOWN, true, DIRECT, false));
        }
    }

    @Test
    void balancersAreToldTheRoleThatIsToCome() {
        assertTrue(new Handover(Word.EXPECT, "1", 0, 0).isReadWrite(Role.Mode.READ_ONLY));
        assertTrue(new Handover(Word.TAKE, "1", 0, 0).isReadWrite(Role.Mode.READ_ONLY));
        assertTrue(new Handover(Word.TAKE, "1", 0, 0).isReadWrite(Role.Mode.READ_WRITE));
        assertFalse(new Handover(Word.NONE, "1", 0, 0).isReadWrite(Role.Mode.READ_ONLY));
        assertFalse(new Handover(Word.LEAVE, "1", 0, 0).isReadWrite(Role.Mode.READ_WRITE));
        assertFalse(new Handover(Word.CLOSE, "1", 0, 0).isReadWrite(Role.Mode.READ_WRITE));
        for (Word word : Word.values()) {
            assertFalse(new Handover(word, "1", 0, 0).isReadWrite(Role.Mode.UNKNOWN));
        }
    }

    @Test
    void eachWordEndsByItself() {
        for (Word word : Word.values()) {
            assertEquals(word, new Handover(word, "1", 100, 100).at(100).word());
            Word later = new Handover(word, "1", 100, 100).at(100 + 13_000_000_000L).word();
            assertEquals(Word.NONE, later, "whoever wrote it may have been killed");
        }
    }

    @Test
    void readsWhatIsWholeAndNothingElse() {
        Handover expect = Handover.NOTHING.next("expect 7f 1\n", 5);
        assertEquals(new Handover(Word.EXPECT, "7f", 5, 5), expect);
        assertEquals(new Handover(Word.EXPECT, "7f", 5, 9), expect.next("expect 7f 2\n", 9), "renewed");
        assertEquals(new Handover(Word.TAKE, "7f", 9, 9), expect.next("take 7f 2\n", 9));
        assertEquals(new Handover(Word.EXPECT, "80", 9, 9), expect.next("expect 80 1\n", 9));
        for (String text : new String[] {"", "expect", "expect 7f", "expect 7f 1", "expect\n", "EXPECT 7f 1\n", "wait 7f 1\n"}) {
            assertNull(Handover.NOTHING.next(text, 5), text);
        }
    }

    @Test
    void aBalancerBelievesAnAnswerOrTwo() {
        Balancers balancers = new Balancers();
        long second = 1_000_000_000L;
        balancers.asked("a", second / 2);
        balancers.asked("b", second / 2);
        assertEquals(0, balancers.size(second), "somebody who has asked once");
        balancers.asked("a", second);
        balancers.asked("b", second + 1);
        assertEquals(2, balancers.size(2 * second));
        assertEquals(0, balancers.told(2 * second, 1, 3 * second), "asked before");
        balancers.asked("a", 2 * second);
        assertEquals(0, balancers.told(2 * second, 1, 2 * second + 1), "another one behind that address may not have asked");
        assertEquals(1, balancers.told(2 * second, 1, 3 * second));
        assertEquals(0, balancers.told(2 * second, 2, 3 * second));
        balancers.asked("a", 3 * second);
        assertEquals(1, balancers.told(2 * second, 2, 3 * second));
        assertEquals(1, balancers.size(5 * second), "who is silent has gone");
    }
}
