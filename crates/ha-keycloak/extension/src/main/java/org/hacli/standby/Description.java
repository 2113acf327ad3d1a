package org.hacli.standby;

import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;

/**
 * What {@code pg_walinspect} says of a heap record beside its block: "off: 5, flags: 0x00" and its like (heapdesc.c of
 * PostgreSQL 16 to 18). Pure.
 */
final class Description {

    private static final Pattern OFF = Pattern.compile("(?:^|[ ,])off: (\\d+)");
    private static final Pattern OLD_OFF = Pattern.compile("old_off: (\\d+)");
    private static final Pattern NEW_OFF = Pattern.compile("new_off: (\\d+)");
    private static final Pattern TUPLES = Pattern.compile("ntuples: (\\d+)");
    private static final Pattern OFFSETS = Pattern.compile("offsets: \\[([\\d, ]+)]");

    private Description() { }

    /**
     * The row versions that a record made or ended in one of its blocks; null where it does not say so.
     *
     * @param type  the record's type, with "+INIT" where it began an empty block
     * @param first whether this is its first block: that of the new version
     * @param only  whether there is no other one: then it is that of the old version as well
     */
    static Change.Tuples tuples(String type, String description, boolean first, boolean only) {
        return switch (type.replace("+INIT", "")) {
            case "INSERT" -> made(number(OFF, description), 0);
            case "DELETE" -> ended(number(OFF, description));
            case "HOT_UPDATE" -> made(number(NEW_OFF, description), number(OLD_OFF, description));
            case "UPDATE" -> !first ? ended(number(OLD_OFF, description))
                    : made(number(NEW_OFF, description), only ? number(OLD_OFF, description) : 0);
            case "MULTI_INSERT" -> many(type, description);
            default -> null;
        };
    }

    private static Change.Tuples made(int made, int ended) {
        return made <= 0 || ended < 0 ? null : new Change.Tuples(List.of(made), ended);
    }

    private static Change.Tuples ended(int ended) {
        return ended <= 0 ? null : new Change.Tuples(List.of(), ended);
    }

    private static Change.Tuples many(String type, String description) {
        int count = number(TUPLES, description);
        List<Integer> made = new ArrayList<>();
        Matcher offsets = OFFSETS.matcher(description);
        if (offsets.find()) {
            for (String offset : offsets.group(1).split("\\D+")) {
                made.add(Integer.parseInt(offset));
            }
        } else if (type.endsWith("+INIT")) {
            IntStream.rangeClosed(1, count).forEach(made::add); // an empty block is filled from its start
        }
        return count <= 0 || made.size() != count ? null : new Change.Tuples(List.copyOf(made), 0);
    }

    private static int number(Pattern pattern, String description) {
        Matcher matcher = pattern.matcher(description);
        return matcher.find() ? Integer.parseInt(matcher.group(1)) : -1;
    }
}
