package org.hacli.standby;

import java.lang.reflect.InvocationHandler;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.sql.SQLException;

/** A dynamic proxy that forwards to a real JDBC object whatever the subclass does not answer itself. */
abstract class Forwarding implements InvocationHandler {

    /** What {@link #answer} returns to have the call forwarded. */
    static final Object FORWARD = new Object();

    private final Object target;

    Forwarding(Object target) {
        this.target = target;
    }

    abstract Object answer(Object proxy, Method method, Object[] args) throws Throwable;

    <T> T proxy(Class<T> type) {
        return type.cast(Proxy.newProxyInstance(Forwarding.class.getClassLoader(), new Class<?>[] {type}, this));
    }

    @Override
    public final Object invoke(Object proxy, Method method, Object[] args) throws Throwable {
        switch (method.getName()) {
            case "equals":
                return proxy == args[0];
            case "hashCode":
                return System.identityHashCode(proxy);
            // JDBC's wrapper contract: this object itself, else what PostgreSQL's can be unwrapped to.
            case "unwrap":
                return ((Class<?>) args[0]).isInstance(proxy) ? proxy : forward(method, args);
            case "isWrapperFor":
                return ((Class<?>) args[0]).isInstance(proxy) ? Boolean.TRUE : forward(method, args);
            default:
                try {
                    Object answer = answer(proxy, method, args);
                    return answer == FORWARD ? forward(method, args) : answer;
                } catch (SQLException e) {
                    if (ConnectionLost.is(e)) {
                        ConnectionLost.mark(e.getSQLState());
                        Poller.lookNow();
                    } else if (!(e instanceof WriteRefused) && WriteRefused.SQL_STATE.equals(e.getSQLState())) {
                        WriteRefused.mark(); // the server's own word, on a function that writes
                    }
                    throw e;
                }
        }
    }

    final Object forward(Method method, Object[] args) throws Throwable {
        try {
            return method.invoke(target, args);
        } catch (InvocationTargetException e) {
            throw e.getCause();
        }
    }
}
