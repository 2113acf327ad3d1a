package org.hacli.standby;

import java.util.List;
import java.util.Locale;
import java.util.Set;

/** Statements after which a commit waits for less than it should. */
final class WeakCommit {

    private static final Set<String> WEAK = Set.of("off", "false", "no", "0", "f", "n", "of", "fa", "fal", "fals",
            "local");

    private WeakCommit() { }

    /** {@code synchronous_commit = off} and its like, after a SET. */
    static boolean isSet(List<Token> t, int i) {
        return i + 2 < t.size() && t.get(i).isName() && t.get(i).text().equals("synchronous_commit")
                && (t.get(i + 1).is("to") || t.get(i + 1).isSymbol('='))
                && WEAK.contains(t.get(i + 2).text().toLowerCase(Locale.ROOT));
    }

    /** {@code set_config('synchronous_commit', 'off', ...)}: the value becomes the present one; null: not in the text. */
    static String withoutSetConfig(String text, List<Token> t) {
        for (int i = 0; i + 4 < t.size(); i++) {
            if (t.get(i).isName() && t.get(i).text().equals("set_config") && t.get(i + 1).isSymbol('(')
                    && t.get(i + 2).text().equalsIgnoreCase("synchronous_commit") && t.get(i + 3).isSymbol(',')
                    && t.get(i + 4).kind() == Token.Kind.STRING
                    && WEAK.contains(t.get(i + 4).text().toLowerCase(Locale.ROOT))) {
                return text.substring(0, t.get(i + 4).start()) + "current_setting('synchronous_commit')"
                        + text.substring(t.get(i + 4).end());
            }
        }
        return null;
    }
}
