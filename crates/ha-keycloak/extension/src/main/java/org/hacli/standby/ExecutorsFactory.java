package org.hacli.standby;

import java.util.concurrent.ExecutorService;
import org.keycloak.executors.DefaultExecutorsProviderFactory;
import org.keycloak.executors.ExecutorsProvider;
import org.keycloak.models.KeycloakSession;

/** Keycloak's thread pools as they are; but they tell what its brute-force protection counts behind a login's back. */
public final class ExecutorsFactory extends DefaultExecutorsProviderFactory {

    /** @param session null where Keycloak asks before it has one */
    @Override
    public ExecutorsProvider create(KeycloakSession session) {
        ExecutorsProvider real = super.create(session);
        return Wrapping.proxy(ExecutorsProvider.class, real, (method, args) ->
                method.getName().equals("getExecutor") && LockOuts.isCalled()
                        ? counting((ExecutorService) Wrapping.call(real, method, args)) : Wrapping.FORWARD);
    }

    private static ExecutorService counting(ExecutorService real) {
        return Wrapping.proxy(ExecutorService.class, real, (method, args) -> args != null && args.length == 1
                && args[0] instanceof Runnable work
                        ? Wrapping.call(real, method, new Object[] {LockOuts.counting(work)}) : Wrapping.FORWARD);
    }

    @Override
    public int order() {
        return Wrapping.ORDER;
    }
}
