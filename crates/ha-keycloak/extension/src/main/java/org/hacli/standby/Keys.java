package org.hacli.standby;

import java.sql.Statement;
import java.util.List;
import java.util.Locale;

/**
 * The generated keys that somebody wants of an INSERT.
 *
 * @param all     all that PostgreSQL's driver would return, which is the whole row
 * @param columns or else these
 */
record Keys(boolean all, List<String> columns) {

    static final Keys NONE = new Keys(false, List.of());

    /** @param argument what JDBC takes after the text: a flag, column numbers, or column names */
    static Keys of(Object argument) {
        if (argument instanceof String[] names) {
            return new Keys(false, List.of(names).stream().map(name -> name.toLowerCase(Locale.ROOT)).toList());
        }
        return argument instanceof Integer flag && flag == Statement.RETURN_GENERATED_KEYS ? new Keys(true, List.of()) : NONE;
    }

    boolean wanted() {
        return all || !columns.isEmpty();
    }

    /** Those of them that an INSERT of these columns has. */
    List<String> of(Sql sql) {
        return all ? sql.values().entrySet().stream().filter(entry -> entry.getValue() != null)
                .map(java.util.Map.Entry::getKey).sorted().toList() : columns;
    }
}
