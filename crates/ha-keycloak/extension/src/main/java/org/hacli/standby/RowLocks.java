package org.hacli.standby;

import java.util.ArrayList;
import java.util.List;

/** The lock clauses of a SELECT, which a standby refuses. */
final class RowLocks {

    private RowLocks() { }

    /**
     * Removes {@code FOR UPDATE | NO KEY UPDATE | SHARE | KEY SHARE [OF ...] [NOWAIT | SKIP LOCKED]}. A FOR counts only
     * in the query itself or in a parenthesis that opens a query: {@code substring(a for share)} stays.
     */
    static String removed(String text, List<Token> t) {
        StringBuilder out = null;
        int copied = 0;
        List<Boolean> query = new ArrayList<>(List.of(true));
        for (int i = 0; i < t.size(); i++) {
            Token token = t.get(i);
            if (token.isSymbol('(')) {
                query.add(i + 1 < t.size() && (t.get(i + 1).is("select") || t.get(i + 1).is("with")
                        || t.get(i + 1).isSymbol('(') && query.get(query.size() - 1)));
            } else if (token.isSymbol(')') && query.size() > 1) {
                query.remove(query.size() - 1);
            } else if (token.is("for") && query.get(query.size() - 1)) {
                int end = lockEnd(t, i);
                if (end > i) {
                    out = out == null ? new StringBuilder() : out;
                    out.append(text, copied, token.start());
                    copied = t.get(end - 1).end();
                    i = end - 1;
                }
            }
        }
        return out == null ? text : out.append(text, copied, text.length()).toString();
    }

    /** The index after the lock clause that begins at {@code i}; {@code i} if none does. */
    private static int lockEnd(List<Token> t, int i) {
        int j = i + 1;
        if (Token.words(t, j, "no", "key", "update")) {
            j += 3;
        } else if (Token.words(t, j, "key", "share")) {
            j += 2;
        } else if (Token.words(t, j, "update") || Token.words(t, j, "share")) {
            j += 1;
        } else {
            return i;
        }
        if (Token.words(t, j, "of")) {
            do {
                j++;
                while (j < t.size() && (t.get(j).isName() || t.get(j).isSymbol('.'))
                        && !Token.words(t, j, "nowait") && !Token.words(t, j, "skip") && !Token.words(t, j, "for")
                        && !Token.words(t, j, "limit") && !Token.words(t, j, "offset") && !Token.words(t, j, "fetch")) {
                    j++;
                }
            } while (j < t.size() && t.get(j).isSymbol(','));
        }
        if (Token.words(t, j, "nowait")) {
            return j + 1;
        }
        return Token.words(t, j, "skip", "locked") ? j + 2 : j;
    }
}
