package org.hacli.standby;

/** What a client sent, for a log: no character in it that a terminal obeys or that ends a line, and not too long. Pure. */
final class Plain {

    private static final int LONGEST = 200;

    private Plain() { }

    static String text(String text) {
        StringBuilder plain = new StringBuilder();
        text.codePoints().limit(LONGEST).forEach(c -> plain.appendCodePoint(isObeyed(c) ? '?' : c));
        return text.codePointCount(0, text.length()) > LONGEST ? plain.append("...").toString() : plain.toString();
    }

    /** Controls (C0, DEL, C1), line ends, what is invisible or turns the direction, and what is no text at all. */
    private static boolean isObeyed(int c) {
        return switch (Character.getType(c)) {
            case Character.CONTROL, Character.FORMAT, Character.LINE_SEPARATOR, Character.PARAGRAPH_SEPARATOR,
                    Character.SURROGATE, Character.PRIVATE_USE, Character.UNASSIGNED -> true;
            default -> false;
        };
    }
}
