package org.hacli.standby;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * One lexical unit of PostgreSQL SQL, with its place in the text. Comments and white space are not tokens.
 *
 * @param text for words and quoted identifiers the name PostgreSQL sees (folded or unquoted), for strings their
 *             content, otherwise the characters themselves
 */
record Token(Kind kind, String text, int start, int end) {

    enum Kind { WORD, QUOTED, STRING, NUMBER, PARAMETER, SYMBOL }

    boolean is(String word) {
        return kind == Kind.WORD && text.equals(word);
    }

    boolean isSymbol(char c) {
        return kind == Kind.SYMBOL && text.charAt(0) == c;
    }

    boolean isName() {
        return kind == Kind.WORD || kind == Kind.QUOTED;
    }

    /** Whether these words stand there, one after the other. */
    static boolean words(List<Token> t, int at, String... words) {
        for (int k = 0; k < words.length; k++) {
            if (at + k >= t.size() || !t.get(at + k).is(words[k])) {
                return false;
            }
        }
        return true;
    }

    /**
     * Splits a text into tokens, after "Lexical Structure" (PostgreSQL 17, chapter 4.1), with JDBC's {@code ?}.
     * An unterminated literal or comment runs to the end of the text: the server will refuse it.
     */
    static List<Token> split(String sql) {
        List<Token> out = new ArrayList<>();
        int n = sql.length();
        int i = 0;
        while (i < n) {
            char c = sql.charAt(i);
            int start = i;
            if (Character.isWhitespace(c)) {
                i++;
            } else if (sql.startsWith("--", i)) {
                i = endOfLine(sql, i);
            } else if (sql.startsWith("/*", i)) {
                i = endOfComment(sql, i);
            } else if (c == '\'') {
                i = quoted(sql, i, '\'', false, Kind.STRING, start, out);
            } else if (c == '"') {
                i = quoted(sql, i, '"', false, Kind.QUOTED, start, out);
            } else if (c == '$' && dollarTag(sql, i) != null) {
                String tag = dollarTag(sql, i);
                int close = sql.indexOf(tag, i + tag.length());
                int contentEnd = close < 0 ? n : close;
                i = close < 0 ? n : close + tag.length();
                out.add(new Token(Kind.STRING, sql.substring(start + tag.length(), contentEnd), start, i));
            } else if (isWordStart(c)) {
                i = prefixedLiteral(sql, i, out);
                if (i == start) {
                    while (i < n && isWordPart(sql.charAt(i))) {
                        i++;
                    }
                    String word = sql.substring(start, i).toLowerCase(Locale.ROOT);
                    out.add(new Token(Kind.WORD, word, start, i));
                }
            } else if (isDigit(c) || c == '.' && i + 1 < n && isDigit(sql.charAt(i + 1))) {
                while (i < n && (isWordPart(sql.charAt(i)) || sql.charAt(i) == '.')) {
                    i++;
                }
                out.add(new Token(Kind.NUMBER, sql.substring(start, i), start, i));
            } else if (c == '?') {
                // "??" is pgjdbc's spelling of the operator "?".
                boolean operator = i + 1 < n && sql.charAt(i + 1) == '?';
                i += operator ? 2 : 1;
                out.add(new Token(operator ? Kind.SYMBOL : Kind.PARAMETER, sql.substring(start, i), start, i));
            } else {
                i++;
                out.add(new Token(Kind.SYMBOL, sql.substring(start, i), start, i));
            }
        }
        return out;
    }

    private static int endOfLine(String sql, int i) {
        while (i < sql.length() && sql.charAt(i) != '\n' && sql.charAt(i) != '\r') {
            i++;
        }
        return i;
    }

    /** Block comments nest in PostgreSQL. */
    private static int endOfComment(String sql, int i) {
        int depth = 0;
        while (i < sql.length()) {
            if (sql.startsWith("/*", i)) {
                depth++;
                i += 2;
            } else if (sql.startsWith("*/", i)) {
                depth--;
                i += 2;
                if (depth == 0) {
                    return i;
                }
            } else {
                i++;
            }
        }
        return i;
    }

    /** E'..', B'..', X'..', N'..', U&'..' and U&".."; returns {@code i} unchanged when it is a plain word. */
    private static int prefixedLiteral(String sql, int i, List<Token> out) {
        char c = Character.toLowerCase(sql.charAt(i));
        char next = i + 1 < sql.length() ? sql.charAt(i + 1) : ' ';
        if (next == '\'' && (c == 'e' || c == 'b' || c == 'x' || c == 'n')) {
            return quoted(sql, i + 1, '\'', c == 'e', Kind.STRING, i, out);
        }
        if (c == 'u' && next == '&' && i + 2 < sql.length()) {
            char quote = sql.charAt(i + 2);
            if (quote == '\'' || quote == '"') {
                return quoted(sql, i + 2, quote, false, quote == '"' ? Kind.QUOTED : Kind.STRING, i, out);
            }
        }
        return i;
    }

    private static int quoted(String sql, int open, char quote, boolean backslash, Kind kind, int start,
                              List<Token> out) {
        StringBuilder content = new StringBuilder();
        int i = open + 1;
        while (i < sql.length()) {
            char c = sql.charAt(i);
            if (backslash && c == '\\' && i + 1 < sql.length()) {
                content.append(sql.charAt(i + 1));
                i += 2;
            } else if (c != quote) {
                content.append(c);
                i++;
            } else if (i + 1 < sql.length() && sql.charAt(i + 1) == quote) {
                content.append(quote);
                i += 2;
            } else {
                i++;
                break;
            }
        }
        out.add(new Token(kind, content.toString(), start, i));
        return i;
    }

    /** The tag, dollars included, of a dollar-quoted string that opens here, or null ({@code $1} is none). */
    private static String dollarTag(String sql, int i) {
        int j = i + 1;
        while (j < sql.length() && sql.charAt(j) != '$') {
            char c = sql.charAt(j);
            if (c == '$' || !isWordPart(c) || j == i + 1 && isDigit(c)) {
                return null;
            }
            j++;
        }
        return j < sql.length() ? sql.substring(i, j + 1) : null;
    }

    private static boolean isDigit(char c) {
        return c >= '0' && c <= '9';
    }

    private static boolean isWordStart(char c) {
        return Character.isLetter(c) || c == '_' || c > 127;
    }

    private static boolean isWordPart(char c) {
        return isWordStart(c) || isDigit(c) || c == '$';
    }
}
