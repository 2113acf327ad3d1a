package org.hacli.standby;

import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

class HeapTest {

    @Test
    void growsWithWhatACollectionLeaves() {
        System.gc();
        int before = Heap.percentAfterCollection();
        assertTrue(before >= 0 && before <= 100, before + " %");
        byte[] kept = new byte[(int) Math.min(Integer.MAX_VALUE - 16, Runtime.getRuntime().maxMemory() / 4)];
        System.gc();
        int after = Heap.percentAfterCollection();
        assertTrue(after >= before + 20, before + " % before, " + after + " % after");
        assertTrue(kept.length > 0);
    }
}
