package org.hacli.standby;

import java.lang.StackWalker.Option;
import java.net.URI;
import java.net.URISyntaxException;
import java.nio.file.Path;
import java.security.CodeSource;

/**
 * Whether whoever wrote may forgive that it was refused: a provider of the operator's own, or somebody with a table of his
 * own, say for the time of the last login. Where Keycloak itself writes, its request is refused whatever it makes of that,
 * since it may go on as if the write were done.
 */
final class Forgiven {

    /** Where this jar is, beside the other providers; null: not in a jar. */
    private static final Path OWN = jar(Forgiven.class);
    static volatile Path folder = OWN == null ? null : OWN.getParent();

    private Forgiven() { }

    static boolean isPossible(Sql sql) {
        return sql.table() != null && !Tables.isKeycloaks(sql.table()) || byProvider();
    }

    /** Keycloak's own classes are in other folders than the providers'. */
    private static boolean byProvider() {
        return folder != null && StackWalker.getInstance(Option.RETAIN_CLASS_REFERENCE)
                .walk(frames -> frames.map(StackWalker.StackFrame::getDeclaringClass).anyMatch(Forgiven::isProviders));
    }

    private static boolean isProviders(Class<?> type) {
        Path jar = jar(type);
        return jar != null && folder.equals(jar.getParent()) && !jar.equals(jar(Forgiven.class));
    }

    private static Path jar(Class<?> type) {
        CodeSource source = type.getProtectionDomain().getCodeSource();
        if (source == null || source.getLocation() == null) {
            return null;
        }
        try {
            String location = source.getLocation().toString();
            String file = location.startsWith("jar:") ? location.substring(4, location.lastIndexOf("!/")) : location;
            return file.endsWith(".jar") ? Path.of(new URI(file)).normalize() : null;
        } catch (URISyntaxException | RuntimeException e) {
            return null;
        }
    }
}
