package org.hacli.standby;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import org.jboss.logging.Logger;

/**
 * The thread that reads what this node is told of a change of roles, and looks after the requests that wait for it. It needs
 * no database: that may be stopped at the time.
 */
final class HandoverFile implements Runnable {

    private static final Logger LOG = Logger.getLogger("org.hacli.standby");
    private static final Path FILE = Path.of(System.getProperty("kc.home.dir", "/opt/keycloak"), "conf", "ha-handover");
    private static final long LOOK_MILLIS = 50;
    private static final int LONGEST_BYTES = 200;

    /** A permit: somebody has a reason to look at once. */
    private static final Semaphore REASONS = new Semaphore(0);

    private volatile boolean stopped;
    private String text;

    static HandoverFile start() {
        HandoverFile file = new HandoverFile();
        file.text = file.read(); // of a change before this process: it is over
        Thread thread = new Thread(file, "ha-standby-handover");
        thread.setDaemon(true);
        thread.start();
        return file;
    }

    void stop() {
        stopped = true;
        lookNow();
    }

    static void lookNow() {
        REASONS.release();
    }

    @Override
    public void run() {
        try {
            while (!stopped) {
                REASONS.drainPermits();
                look();
                Held.look();
                REASONS.tryAcquire(LOOK_MILLIS, TimeUnit.MILLISECONDS);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private void look() {
        String found = read();
        if (found.equals(text)) {
            return;
        }
        Handover before = Handover.now();
        Handover told = before.next(found, System.nanoTime());
        if (told == null) {
            return; // it is being written
        }
        text = found;
        Handover.told(told);
        if (told.since() == told.renewed()) {
            LOG.infof("told of a change of roles: %s", told.word().lower());
        }
    }

    private String read() {
        try {
            return Files.size(FILE) > LONGEST_BYTES ? "" : Files.readString(FILE);
        } catch (NoSuchFileException e) {
            return "";
        } catch (IOException e) {
            LOG.debug("not read", e);
            return "";
        }
    }
}
