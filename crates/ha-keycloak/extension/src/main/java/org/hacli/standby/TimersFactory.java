package org.hacli.standby;

import java.util.Arrays;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.keycloak.models.KeycloakSession;
import org.keycloak.timer.ScheduledTask;
import org.keycloak.timer.TaskRunner;
import org.keycloak.timer.TimerProvider;
import org.keycloak.timer.basic.BasicTimerProviderFactory;

/** Keycloak's timers as they are, but what they do is done on a node that writes only: see {@link Timers}. */
public final class TimersFactory extends BasicTimerProviderFactory {

    /** How Keycloak names the synchronisations with directories. */
    private static final String SYNCHRONISATION = "UserStorageSyncTask-";
    private static final Set<String> SYNCHRONISATIONS = ConcurrentHashMap.newKeySet();

    @Override
    public TimerProvider create(KeycloakSession session) {
        TimerProvider real = super.create(session);
        return Wrapping.proxy(TimerProvider.class, real, (method, args) -> {
            if (args == null || args.length < 2) {
                return Wrapping.FORWARD; // not one that schedules
            }
            String name = name(args);
            if (name.startsWith(SYNCHRONISATION)) {
                SYNCHRONISATIONS.add(name);
            }
            Object[] changed = Arrays.copyOf(args, args.length);
            changed[0] = whereItWrites(args[0]);
            return Wrapping.call(real, method, changed);
        });
    }

    private static String name(Object[] args) {
        Object last = args[args.length - 1];
        return last instanceof String name ? name : args[0] instanceof TaskRunner runner ? runner.getTaskName()
                : args[0] instanceof ScheduledTask task ? task.getTaskName() : "";
    }

    /** Those that this process has set, which may be gone from the database, or changed there. */
    static void forgetSynchronisations(TimerProvider timers) {
        SYNCHRONISATIONS.removeIf(name -> {
            timers.cancelTask(name);
            return true;
        });
    }

    private static Object whereItWrites(Object task) {
        if (task instanceof TaskRunner runner) {
            return new TaskRunner() {
                @Override
                public void run() {
                    Timers.runIfWriting(runner);
                }

                @Override
                public ScheduledTask getTask() {
                    return runner.getTask();
                }

                @Override
                public String getTaskName() {
                    return runner.getTaskName();
                }
            };
        }
        if (task instanceof ScheduledTask scheduled) {
            return new ScheduledTask() {
                @Override
                public void run(KeycloakSession session) {
                    Timers.runIfWriting(() -> scheduled.run(session));
                }

                @Override
                public String getTaskName() {
                    return scheduled.getTaskName();
                }
            };
        }
        return task instanceof Runnable work ? (Runnable) () -> Timers.runIfWriting(work) : task;
    }

    @Override
    public int order() {
        return Wrapping.ORDER;
    }
}
