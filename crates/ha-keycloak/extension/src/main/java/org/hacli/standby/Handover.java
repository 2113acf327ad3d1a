package org.hacli.standby;

import java.util.Locale;

/**
 * A planned change of roles, as far as this node has been told of it by a file in its container ({@link HandoverFile}).
 * Nothing depends on it but which load balancer is told what, and which requests wait: who is the primary, PostgreSQL
 * alone knows. Each word ends by itself, since whoever wrote it may have been killed; who goes on writes it again.
 *
 * @param id      of the change, as it was written
 * @param since   when this node first read it
 * @param renewed when it was last written, as far as this node has seen
 */
record Handover(Word word, String id, long since, long renewed) {

    enum Word {
        /** All is as the database says. */
        NONE(Long.MAX_VALUE),
        /** This standby is about to be promoted, and the primary still serves: balancers are to know both. */
        EXPECT(6_000_000_000L),
        /** The balancers have been told to leave the primary, which is about to stop. */
        TAKE(12_000_000_000L),
        /** This primary is about to be stopped: balancers are to leave it, and it still serves whoever comes. */
        LEAVE(6_000_000_000L),
        /** It takes no new work. */
        CLOSE(5_000_000_000L);

        private final long valid;

        Word(long nanos) {
            this.valid = nanos;
        }

        String lower() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    /** What becomes of a request. */
    enum Fate {
        GO_ON,
        HOLD,
        /** It is answered with 425: nothing was done, and the balancer sends it once more, to another node. */
        REPEAT,
        /** It is answered with 503 and {@code Retry-After}. */
        LATER
    }

    static final Handover NOTHING = new Handover(Word.NONE, "", 0, 0);
    private static volatile Handover last = NOTHING;

    static Handover now() {
        return last.at(System.nanoTime());
    }

    static void told(Handover handover) {
        last = handover;
    }

    Handover at(long nanos) {
        return nanos - renewed > word.valid ? new Handover(Word.NONE, id, renewed + word.valid, renewed + word.valid) : this;
    }

    /**
     * What the file says: a word, the id of a change, and a number by which it is renewed, ended by a newline; null where it is
     * not yet whole, or something else.
     */
    Handover next(String text, long nanos) {
        String[] parts = text.endsWith("\n") ? text.strip().split(" ") : new String[0];
        if (parts.length != 3) {
            return null;
        }
        for (Word read : Word.values()) {
            if (read.lower().equals(parts[0])) {
                boolean same = read == word && id.equals(parts[1]);
                return new Handover(read, parts[1], same ? since : nanos, nanos);
            }
        }
        return null;
    }

    /** Whether load balancers are to send here what may write. */
    boolean isReadWrite(Role.Mode mode) {
        return switch (mode) {
            case READ_WRITE -> word != Word.LEAVE && word != Word.CLOSE;
            case READ_ONLY -> word == Word.EXPECT || word == Word.TAKE;
            case UNKNOWN -> false;
        };
    }

    /**
     * @param lost    the database did not answer when it was last asked
     * @param refused a read-only node refuses such a request by its path
     */
    Fate fate(Role.Mode mode, boolean lost, Sender sender, boolean refused) {
        Fate elsewhere = sender.repeats() ? Fate.REPEAT : Fate.LATER;
        if (lost) {
            return elsewhere;
        }
        boolean forPrimary = sender.wants() == Sender.Wants.PRIMARY;
        if (mode == Role.Mode.READ_WRITE) {
            return word == Word.CLOSE && forPrimary ? elsewhere : Fate.GO_ON;
        }
        boolean soon = mode == Role.Mode.READ_ONLY && (word == Word.EXPECT || word == Word.TAKE);
        if (soon && forPrimary) {
            return word == Word.EXPECT && sender.repeats() ? Fate.REPEAT : Fate.HOLD;
        }
        if (soon && refused && sender.wants() == Sender.Wants.UNKNOWN) {
            return Fate.HOLD;
        }
        return mode == Role.Mode.READ_ONLY && forPrimary && (refused || sender.repeats()) ? elsewhere : Fate.GO_ON;
    }

    String json(Balancers balancers, long nanos) {
        int answers = word == Word.EXPECT || word == Word.NONE ? Balancers.RISE : Balancers.FALL;
        return "{\"word\":\"" + word.lower() + "\",\"id\":\"" + id.replaceAll("[^0-9A-Za-z-]", "?") + "\",\"balancers\":"
                + balancers.size(nanos) + ",\"told\":" + balancers.told(since, answers, nanos) + ",\"in_flight\":"
                + InFlight.count(nanos) + ",\"held\":" + Held.count() + "}";
    }
}
