package org.hacli.standby;

import java.util.List;

/**
 * The table that a statement writes to.
 *
 * @param schema null where the name has none. A database before it does not matter: it can only be this one
 * @param after  the index of the token after the name
 */
record Target(String schema, String table, int after) {

    /** The possibly qualified name that starts there; null if there is none. */
    static Target at(List<Token> t, int start) {
        int i = start;
        while (i < t.size() && t.get(i).isName()) {
            if (i + 2 < t.size() && t.get(i + 1).isSymbol('.')) {
                i += 2;
            } else {
                return new Target(i - start < 2 ? null : t.get(i - 2).text(), t.get(i).text(), i + 1);
            }
        }
        return null;
    }
}
