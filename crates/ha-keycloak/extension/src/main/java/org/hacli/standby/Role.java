package org.hacli.standby;

/**
 * The role of this Keycloak, which is that of its own PostgreSQL, as the poller last saw it.
 *
 * @param replayLsn       of a standby, else null
 * @param receiveLsn      of a standby that has received WAL by streaming, else null
 * @param replayLagBytes  received but not replayed; null where unknown
 * @param lastReplayedAt  commit time of the last replayed transaction, ISO 8601; null where unknown
 */
record Role(Mode mode, String replayLsn, String receiveLsn, Long replayLagBytes, String lastReplayedAt, long nanoTime) {

    enum Mode {
        READ_WRITE("read-write"), READ_ONLY("read-only"), UNKNOWN("unknown");

        final String word;

        Mode(String word) {
            this.word = word;
        }
    }

    /** An observation older than this says nothing: a frozen database must not look healthy. */
    static final long VALID_NANOS = 1_800_000_000L;

    private static final Role NONE = new Role(Mode.UNKNOWN, null, null, null, null, 0);
    private static volatile Role last = NONE;
    private static volatile Mode settled = Mode.UNKNOWN;

    static Role unknown() {
        return NONE;
    }

    static Role now() {
        Role role = last;
        return System.nanoTime() - role.nanoTime > VALID_NANOS ? NONE : role;
    }

    static void observed(Role role) {
        last = role;
        settled = role.mode;
    }

    /** The role that was last known for certain, also while the database does not answer; unknown only before the first. */
    static Mode settled() {
        return settled;
    }

    static void lost() {
        last = NONE;
    }

    /** The database did not answer when it was last asked: more than an observation that has become old. */
    static boolean isLost() {
        return last == NONE;
    }

    /** Whether a promotion now would find everything loaded, as far as {@link WarmUp} can see to it. */
    private boolean isWarm() {
        return mode == Mode.READ_WRITE || WarmUp.hasEnded();
    }

    /** @param handover what {@link Handover#json} says */
    String json(String handover) {
        return "{\"role\":\"" + mode.word + "\",\"replay_lsn\":" + quoted(replayLsn)
                + ",\"receive_lsn\":" + quoted(receiveLsn) + ",\"replay_lag_bytes\":" + replayLagBytes
                + ",\"last_replayed_commit\":" + quoted(lastReplayedAt) + ",\"warm\":" + isWarm()
                + ",\"handover\":" + handover + "}";
    }

    private static String quoted(String text) {
        return text == null ? "null" : "\"" + text + "\"";
    }
}
