package org.hacli.standby;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.util.Comparator;
import org.keycloak.models.KeycloakSession;
import org.keycloak.provider.Provider;

/**
 * Stands in front of one of Keycloak's own providers: its factory has an order above theirs, and hands out a proxy that
 * forwards what it does not answer itself. So it goes on with methods that a newer Keycloak adds, and whichever provider
 * the operator names in Keycloak's options is taken instead of both.
 */
final class Wrapping {

    /** Of the factories in front; Keycloak's own have 0, or little more. */
    static final int ORDER = 1000;
    /** The id of all of them. */
    static final String ID = "ha-standby";

    /** Answers a call, or returns {@link #FORWARD}. */
    interface Answering {
        Object answer(Method method, Object[] args) throws Throwable;
    }

    static final Object FORWARD = new Object();

    private Wrapping() { }

    /** The provider that Keycloak would use without this extension. */
    static <P extends Provider> P real(KeycloakSession session, Class<P> type) {
        String id = session.getKeycloakSessionFactory().getProviderFactoriesStream(type)
                .filter(factory -> !factory.getId().equals(ID))
                .max(Comparator.comparingInt(factory -> factory.order())).map(factory -> factory.getId())
                .orElseThrow(() -> new IllegalStateException("Keycloak has no " + type.getSimpleName() + " of its own"));
        return session.getProvider(type, id);
    }

    static <T> T proxy(Class<T> type, T real, Answering answering) {
        return type.cast(Proxy.newProxyInstance(Wrapping.class.getClassLoader(), new Class<?>[] {type},
                (proxy, method, args) -> {
                    if (method.getDeclaringClass() == Object.class) {
                        return call(real, method, args);
                    }
                    Object answer = answering.answer(method, args);
                    return answer == FORWARD ? call(real, method, args) : answer;
                }));
    }

    static Object call(Object real, Method method, Object[] args) throws Throwable {
        try {
            return method.invoke(real, args);
        } catch (InvocationTargetException e) {
            throw e.getCause();
        }
    }
}
