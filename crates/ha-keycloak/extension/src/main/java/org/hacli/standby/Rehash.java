package org.hacli.standby;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * An UPDATE that gives a user's password another hash and is no other password: of that row only the hash changes, and not
 * when it was made, which every new password does. Keycloak renews a hash so after a login that has succeeded, and forgives
 * that it fails. Told by the row and the values alone: whatever the classes of a later Keycloak are called.
 *
 * @param id  of the row
 * @param set column to value
 */
record Rehash(Sql.Value id, Map<String, Sql.Value> set) {

    private static final List<String> UNCHANGED = List.of("created_date", "type", "user_id");

    /** Null for anything but {@code UPDATE credential SET column=?, ... WHERE id=? [AND version=?]} with all columns that matter. */
    static Rehash of(Sql sql) {
        if (sql.kind() != Sql.Kind.UPDATE || !"credential".equals(sql.table()) || sql.returning() != null) {
            return null;
        }
        List<Token> t = Token.split(sql.withoutAsync());
        Map<String, Sql.Value> set = new HashMap<>();
        int parameter = 0;
        int i = 0;
        while (i < t.size() && !t.get(i).is("set")) {
            i++;
        }
        do {
            i++;
            if (!isAssignment(t, i)) {
                return null;
            }
            set.put(t.get(i).text(), new Sql.Value(++parameter, null));
            i += 3;
        } while (i < t.size() && t.get(i).isSymbol(','));
        boolean oneRow = i < t.size() && t.get(i).is("where") && isAssignment(t, i + 1) && t.get(i + 1).text().equals("id")
                && (i + 4 == t.size() || i + 8 == t.size() && t.get(i + 4).is("and") && isAssignment(t, i + 5)); // its version
        return oneRow && set.keySet().containsAll(UNCHANGED) ? new Rehash(new Sql.Value(++parameter, null), set) : null;
    }

    private static boolean isAssignment(List<Token> t, int at) {
        return at + 2 < t.size() && t.get(at).isName() && t.get(at + 1).isSymbol('=')
                && t.get(at + 2).kind() == Token.Kind.PARAMETER;
    }

    /** Finds the row if it is one; takes {@link #values}. */
    static String lookUp(Sql sql) {
        String table = (sql.schema() == null ? "" : Sql.quoted(sql.schema()) + ".") + Sql.quoted(sql.table());
        return "select 1 from " + table + " where id = ? and type = 'password' and created_date is not distinct from ?"
                + " and type = ? and user_id = ?";
    }

    List<Sql.Value> values() {
        List<Sql.Value> values = new ArrayList<>(List.of(id));
        UNCHANGED.forEach(column -> values.add(set.get(column)));
        return values;
    }
}
