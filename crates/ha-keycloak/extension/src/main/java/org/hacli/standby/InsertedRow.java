package org.hacli.standby;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** The row that an INSERT gives. */
final class InsertedRow {

    private InsertedRow() { }

    /** Column to value of {@code (a, b) VALUES (?, 'x')}; null unless it is exactly one row of that form, with its columns. */
    static Map<String, Sql.Value> of(List<Token> t, int at) {
        int i = at;
        if (i < t.size() && t.get(i).is("as") && i + 1 < t.size()) {
            i += 2;
        }
        List<String> columns = new ArrayList<>();
        if (i < t.size() && t.get(i).isSymbol('(')) {
            for (i++; i < t.size() && !t.get(i).isSymbol(')'); i++) {
                if (t.get(i).isName()) {
                    columns.add(t.get(i).text());
                }
            }
            i++;
        }
        if (Token.words(t, i, "overriding")) {
            i += 3;
        }
        if (!Token.words(t, i, "values") || i + 1 >= t.size() || !t.get(i + 1).isSymbol('(')) {
            return null;
        }
        Map<String, Sql.Value> out = new HashMap<>();
        int column = 0;
        int parameter = 0;
        int depth = 0;
        Sql.Value value = null;
        int j = i + 1;
        for (; j < t.size(); j++) {
            Token token = t.get(j);
            if (token.isSymbol('(')) {
                depth++;
            } else if (token.isSymbol(')')) {
                depth--;
            } else if (token.kind() == Token.Kind.PARAMETER) {
                value = new Sql.Value(++parameter, null);
            } else if (value == null && (token.kind() == Token.Kind.STRING || token.kind() == Token.Kind.NUMBER)) {
                value = new Sql.Value(0, token.text());
            }
            if (depth == 0 || depth == 1 && token.isSymbol(',')) {
                if (column < columns.size()) {
                    out.put(columns.get(column), value);
                }
                column++;
                value = null;
            }
            if (depth == 0) {
                break;
            }
        }
        boolean secondRow = j + 1 < t.size() && t.get(j + 1).isSymbol(',');
        return depth != 0 || secondRow || columns.isEmpty() || column != columns.size() ? null : out;
    }
}
