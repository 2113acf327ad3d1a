package org.hacli.standby;

import java.util.Set;

/** Decides what becomes of a statement while the database is a hot standby. Pure. */
final class Bookkeeping {

    /** What the driver does with a statement. */
    enum Verdict {
        /** Send it (reads in the form of {@link Sql#onStandby()}). */
        SEND,
        /** Answer "1 row" without sending it. */
        DROP,
        /** A DELETE: "1 row" if what it would delete is not there, refused if it is. */
        DROP_IF_ABSENT,
        /** Leave it out, but have the whole request answered as refused. */
        DROP_AND_REFUSE_REQUEST,
        /** Refuse with SQLState 25006. */
        REFUSE
    }

    /** The only tables whose writes may be left out: losing them changes no answer that this node gives. */
    static final Set<String> SESSION_TABLES = Set.of("offline_user_session", "offline_client_session");
    private static final Set<String> OTHER_TABLES = Set.of("event_entity", "admin_event_entity",
            "databasechangeloglock");

    private Bookkeeping() { }

    /**
     * @param own      whether its table is in Keycloak's own schema: another's of that name is none of the session tables
     * @param offline  whether an INSERT's {@code offline_flag} says "offline session": one that is not stored is gone
     *                 after a restart, so granting it would be an invented success
     * @param request  whether a request's own thread asks. Keycloak tries a failed session write again for ten seconds;
     *                 there the request can be refused without an exception
     * @param unheeded whether nobody waits for it: a {@link Rehearsal}, or what {@link LockOuts} keep
     * @param rehash   whether Keycloak renews a password hash after a login that has already succeeded
     */
    static Verdict verdict(Sql sql, boolean own, boolean offline, boolean request, boolean unheeded, boolean rehash) {
        boolean listed = own && sql.table() != null
                && (SESSION_TABLES.contains(sql.table()) || OTHER_TABLES.contains(sql.table()));
        boolean unanswerable = sql.returning() != null && !sql.returnsItsValues(sql.returning());
        return switch (sql.kind()) {
            case READ, LOCKING_READ, READ_IN_TRANSACTION, COMMIT, ASYNC_COMMIT -> Verdict.SEND;
            case WRITE, OTHER -> Verdict.REFUSE;
            case INSERT -> unanswerable ? Verdict.REFUSE
                    : unheeded || listed && !offline ? Verdict.DROP
                    : listed && request ? Verdict.DROP_AND_REFUSE_REQUEST : Verdict.REFUSE;
            case UPDATE -> unanswerable ? Verdict.REFUSE
                    : unheeded || listed || own && rehash && sql.table().equals("credential") ? Verdict.DROP : Verdict.REFUSE;
            case DELETE -> unanswerable ? Verdict.REFUSE
                    : unheeded ? Verdict.DROP
                    : listed && sql.onStandby() != null ? Verdict.DROP_IF_ABSENT : Verdict.REFUSE;
        };
    }
}
