package org.hacli.standby;

import java.util.List;

/**
 * A change of a table's block, as the WAL tells it.
 *
 * @param table  the table's name; null for a relation that is in no catalog we can see
 * @param xid    the (sub)transaction that made it, 32 bits
 * @param record the WAL record's type without "+INIT": INSERT, UPDATE, HOT_UPDATE, MULTI_INSERT, DELETE, ...
 * @param tuples which of the block's rows, as far as the table is one of {@link RealmTables} and the record says it
 * @param lsn    where the record begins, for these tables; else 0
 * @param owner  of a DELETE the realm or the user that the row belonged to, where a snapshot from before has shown it; else null
 */
record Change(String table, int xid, String record, long block, Tuples tuples, long lsn, String owner) {

    /**
     * @param made  numbers of the row versions that were put into the block
     * @param ended that of the one that was ended there; 0: none
     */
    record Tuples(List<Integer> made, int ended) { }

    Change(String table, int xid, String record, long block) {
        this(table, xid, record, block, null, 0);
    }

    Change(String table, int xid, String record, long block, Tuples tuples, long lsn) {
        this(table, xid, record, block, tuples, lsn, null);
    }

    Change ownedBy(String known) {
        return new Change(table, xid, record, block, tuples, lsn, known);
    }

    /** Whether it is of use to know whose the row was. */
    boolean hasEndedSomebodys() {
        return record.equals("DELETE") && tuples != null && tuples.ended() > 0
                && (effect() == Effect.CLEAR_USERS || effect() == Effect.FORGET_REALMS);
    }

    /** What must happen on this node once the transaction of a change has ended. */
    enum Effect {
        NONE,
        /** Evict the users whose rows are new in this block. */
        EVICT_USERS,
        /** As before, and whatever the caches derive from a user under other keys. */
        EVICT_USERS_WIDELY,
        /** Rows of user sessions may have left this block: see {@link SessionPlaces}. */
        MOVE_SESSIONS,
        /** The same for client sessions, and evict those whose rows are new in this block. */
        EVICT_CLIENT_SESSIONS,
        /** Forget the user whose row was deleted. */
        FORGET_USER,
        /** Forget all users: the WAL does not say which row a DELETE removed. */
        CLEAR_USERS,
        /** Forget the cached sessions of this block that have no row any more. */
        COMPARE_SESSIONS,
        LOAD_REVOKED_TOKENS,
        /** Forget the realms whose rows were changed: see {@link RealmTables}. */
        FORGET_REALMS,
        /** Forget everything that has been read from the database. */
        CLEAR_ALL
    }

    /** Puts a new version in the place of one that ends. */
    boolean updates() {
        return record.equals("UPDATE") || record.equals("HOT_UPDATE");
    }

    private boolean adds() {
        return record.equals("INSERT") || record.equals("MULTI_INSERT");
    }

    /** The decision. What is not known for certain to be harmless clears everything. */
    Effect effect() {
        boolean known = adds() || updates() || record.equals("DELETE");
        if (table == null || !known) {
            return Effect.CLEAR_ALL;
        }
        return switch (Tables.kind(table)) {
            case UNCACHED -> Effect.NONE;
            // A HOT update stays in its block.
            case USER_SESSION -> record.equals("DELETE") ? Effect.COMPARE_SESSIONS
                    : record.equals("UPDATE") ? Effect.MOVE_SESSIONS : Effect.NONE;
            case CLIENT_SESSION -> record.equals("DELETE") ? Effect.COMPARE_SESSIONS
                    : updates() ? Effect.EVICT_CLIENT_SESSIONS : Effect.NONE;
            case REVOKED_TOKEN -> adds() || updates() ? Effect.LOAD_REVOKED_TOKENS : Effect.NONE;
            case USER -> adds() || updates() ? Effect.EVICT_USERS : gone();
            // A new link or membership also ends a cached "is not a member"; a changed one an old external name.
            case USER_LINK -> adds() ? Effect.EVICT_USERS_WIDELY : updates() ? Effect.CLEAR_USERS : gone();
            case REALM_PART -> Effect.FORGET_REALMS;
            case OTHER -> Effect.CLEAR_ALL;
        };
    }

    private Effect gone() {
        return owner == null ? Effect.CLEAR_USERS : Effect.FORGET_USER;
    }
}
