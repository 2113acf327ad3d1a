package org.hacli.standby;

import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Function;
import org.jboss.logging.Logger;
import org.jboss.resteasy.reactive.server.spi.ResteasyReactiveContainerRequestContext;

/** The requests that wait for a change of roles, without a thread each. */
final class Held {

    /** Then its client is told to come again: it must not take this node for dead. */
    static final long LONGEST_NANOS = 10_000_000_000L;
    /** Before, the thread that suspends it may still be about it. */
    private static final long SHORTEST_NANOS = 20_000_000L;
    /** A change takes a second or two. */
    private static final int MOST = 2_000;

    private static final Logger LOG = Logger.getLogger("org.hacli.standby");

    private record Waiting(ResteasyReactiveContainerRequestContext request, long since,
            Function<Boolean, Boolean> settle) { }

    private static final Queue<Waiting> WAITING = new ConcurrentLinkedQueue<>();
    private static final AtomicInteger COUNT = new AtomicInteger();

    private Held() { }

    static int count() {
        return COUNT.get();
    }

    /**
     * @param settle is asked again and again, with whether it was held long enough; says whether it has been decided, and has
     *               answered the request then or lets it go on
     * @return false where there are too many
     */
    static boolean hold(ResteasyReactiveContainerRequestContext request, Function<Boolean, Boolean> settle) {
        if (COUNT.incrementAndGet() > MOST) {
            COUNT.decrementAndGet();
            return false;
        }
        request.suspend();
        WAITING.add(new Waiting(request, System.nanoTime(), settle));
        return true;
    }

    /** Looks at each once. */
    static void look() {
        int first = WAITING.size();
        long longest = 0;
        for (var all = WAITING.iterator(); all.hasNext();) {
            Waiting waiting = all.next();
            long waited = System.nanoTime() - waiting.since;
            if (waited > SHORTEST_NANOS && settled(waiting, waited > LONGEST_NANOS)) {
                all.remove();
                COUNT.decrementAndGet();
                longest = Math.max(longest, waited);
            }
        }
        int left = WAITING.size();
        if (first > left) {
            LOG.infof("%d requests were held back, at most %d ms", first - left, longest / 1_000_000);
        }
    }

    private static boolean settled(Waiting waiting, boolean tooLong) {
        try {
            return waiting.settle.apply(tooLong);
        } catch (RuntimeException e) { // its client has gone
            LOG.debug("held", e);
            return true;
        }
    }
}
