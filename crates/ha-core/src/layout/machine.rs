//! How much of a machine a node may use.

const MIB: u64 = 1024 * 1024;

/// The memory of a machine, divided among what runs there. Rounded down to 64 MiB, so that a new kernel that keeps a
/// little more for itself does not change every setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MachineShare {
    /// Memory for this node, in MiB.
    pub memory_mib: u64,
}

impl MachineShare {
    /// The share of one node where `nodes` nodes run on a machine with that much memory.
    #[must_use]
    pub const fn of_memory(memory_bytes: u64, nodes: u64) -> Self {
        let nodes = if nodes == 0 { 1 } else { nodes };
        Self { memory_mib: memory_bytes / MIB / nodes / 64 * 64 }
    }

    /// `shared_buffers`: an eighth, for the other half of the node is a JVM; 64 MiB to 2 GiB.
    #[must_use]
    pub fn shared_buffers_mib(self) -> u64 {
        (self.memory_mib / 8).clamp(64, 2048)
    }

    /// `effective_cache_size`: what the kernel may cache beside, a third.
    #[must_use]
    pub fn effective_cache_mib(self) -> u64 {
        (self.memory_mib / 3).clamp(128, 16 * 1024)
    }

    /// The largest heap of Keycloak's JVM: a third, 384 MiB to 2 GiB. (The image's default is 70 % of the machine.)
    #[must_use]
    pub fn heap_mib(self) -> u64 {
        (self.memory_mib / 3).clamp(384, 2048)
    }
}
