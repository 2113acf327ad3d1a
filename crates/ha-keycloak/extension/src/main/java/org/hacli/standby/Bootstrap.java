package org.hacli.standby;

import java.lang.reflect.Method;
import java.util.function.BooleanSupplier;
import org.keycloak.models.KeycloakSessionFactory;

/**
 * Whether Keycloak has booted to its end. From 26.7 on it listens before that, knows its database's role before that, and
 * answers every request for a realm with 503 until then: a load balancer must not be told to send any.
 */
final class Bootstrap {

    private static volatile BooleanSupplier completed = () -> false;
    private static volatile KeycloakSessionFactory sessions;

    private Bootstrap() { }

    static boolean isCompleted() {
        return completed.getAsBoolean();
    }

    /** The process's one maker of sessions, for what runs outside of a request's own. */
    static KeycloakSessionFactory sessions() {
        return sessions;
    }

    /** Keycloak before 26.7 has no such method, and does not listen before it has booted. */
    static void watch(KeycloakSessionFactory factory) {
        sessions = factory;
        BooleanSupplier asked;
        try {
            Method method = factory.getClass().getMethod("isBootstrapCompleted");
            asked = () -> {
                try {
                    return (boolean) method.invoke(factory);
                } catch (ReflectiveOperationException e) {
                    return true;
                }
            };
        } catch (NoSuchMethodException e) {
            asked = () -> true;
        }
        completed = asked;
    }
}
