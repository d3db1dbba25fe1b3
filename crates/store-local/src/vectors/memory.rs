//! How much memory there is, to decide where the floats of a large index are kept.

use std::path::Path;

use semsearch_files::{open_regular, read_bounded};

/// The longest list that the system gives, in bytes.
const LONGEST: u64 = 1 << 16;

/// So many bytes fit into every machine. For fewer, the system is not asked.
const FEW: u64 = 256 << 20;

/// Whether this many bytes of vectors are more than half of the memory. If they were mapped, they would drive everything
/// else out of it.
pub(crate) fn are_much(bytes: u64) -> bool {
    bytes > FEW && memory().is_some_and(|memory| bytes > memory / 2)
}

/// The bytes that this process may use; `None` if the system does not say.
fn memory() -> Option<u64> {
    let machine = text("/proc/meminfo").as_deref().and_then(total);
    // What a container may use at most: a number of bytes, or "max".
    let own = text("/sys/fs/cgroup/memory.max").and_then(|text| text.trim().parse().ok());
    [machine, own].into_iter().flatten().min()
}

fn text(path: &str) -> Option<String> {
    let bytes = read_bounded(open_regular(Path::new(path)).ok()?, LONGEST).ok()?;
    String::from_utf8(bytes).ok()
}

/// The memory of the machine, in bytes, in the system's list of lines such as `MemTotal:  24000000 kB`.
fn total(list: &str) -> Option<u64> {
    let line = list.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_systems_list_has_the_memory() {
        assert_eq!(total("Buffers:  1 kB\nMemTotal:       2000 kB\nMemFree: 1 kB\n"), Some(2_048_000));
        assert_eq!(total("MemTotal: many kB"), None);
        if cfg!(target_os = "linux") {
            assert!(memory().is_some_and(|memory| memory > 1 << 26), "more than 64 MB");
        }
    }

    #[test]
    fn no_vectors_are_not_much_and_more_than_any_machine_has_is() {
        assert!(!are_much(0));
        assert!(are_much(u64::MAX) || !cfg!(target_os = "linux"));
    }
}
