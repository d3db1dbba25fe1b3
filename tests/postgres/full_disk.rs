//! A shard whose disk is full: the writer says so, what was committed is whole, and the next run completes once there is
//! room. The disk is a small file system in memory, which only root can mount.

use std::fs;
use std::os::unix::fs::{MetadataExt, chown};
use std::path::PathBuf;
use std::process::Command;

use super::servers::Servers;
use super::small::{self, MODEL, records};
use super::told::told;
use crate::support::{Ran, Sandbox};

/// A file system in memory, which belongs to the user who runs the servers.
struct SmallDisk(PathBuf);

impl SmallDisk {
    /// None if this user cannot mount anything.
    fn mount(size: &str) -> Option<Self> {
        let path = PathBuf::from(format!("/tmp/semsearch-disk-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        let disk = Self(path);
        let option = format!("size={size},mode=0700");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &option, "tmpfs"]).arg(&disk.0).output();
        if !mounted.is_ok_and(|ran| ran.status.success()) {
            eprintln!("skipped: only root can mount a small disk");
            return None;
        }
        let owner = fs::metadata(Servers::shared().file("shard2", "postgresql.conf")).unwrap();
        chown(&disk.0, Some(owner.uid()), Some(owner.gid())).unwrap();
        Some(disk)
    }

    fn grow(&self, size: &str) {
        let option = format!("remount,size={size}");
        assert!(Command::new("mount").args(["-o", &option]).arg(&self.0).status().unwrap().success());
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).output();
        let _ = fs::remove_dir(&self.0);
    }
}

/// Records with texts that cannot be compressed.
fn incompressible() -> String {
    let mut state = 1_u64;
    let mut word = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        format!("{state:x}")
    };
    let mut record = |n: usize| {
        let text: Vec<String> = (0..4000).map(|_| word()).collect();
        format!("{{\"_id\":\"big {n}\",\"text\":\"{}\"}}\n", text.join(" "))
    };
    (0..150).map(&mut record).collect()
}

#[test]
fn a_full_disk_on_a_shard_is_named_and_loses_nothing() {
    let Some(disk) = SmallDisk::mount("20m") else { return };
    let (sandbox, servers) = (Sandbox::new(), Servers::shared());
    small::prepare(&sandbox);
    servers.sql("shard2", &format!("CREATE TABLESPACE small LOCATION '{}'", disk.0.display()));
    servers.sql("shard2", "CREATE DATABASE small TABLESPACE small");
    let address = servers.address("full");
    let shards = format!("127.0.0.1:{},127.0.0.1:{}/small", servers.port("shard1"), servers.port("shard2"));
    sandbox.run(&["store", "create", "--store", &address, "--servers", &shards, "--partitions", "2", "-q"]).success();
    let index = |file: &str| -> Ran {
        sandbox.run(&[&["index", file, "--store", &address, "-q", "--wait", "20"], &MODEL[..]].concat())
    };
    sandbox.write("in.jsonl", records(0..20, 0));
    sandbox.write("big.jsonl", incompressible());
    index("in.jsonl").success();
    let listed = || sandbox.run(&["ls", "--store", &address]).success();
    let before = listed();

    let failed = told(&index("big.jsonl"));
    assert!(failed.contains("passages on shard full_shard_1 (127.0.0.1:[PORT]): could not extend file"), "{failed}");
    assert!(failed.contains("No space left on device"), "{failed}");
    assert!(failed.contains("hint: free space on that server and run the same command again"), "{failed}");
    assert_eq!(listed(), before);

    disk.grow("400m");
    index("big.jsonl").success();
    assert_eq!(listed().lines().count(), 170);
    assert!(sandbox.run(&["verify", "--store", &address]).success().contains("intact"));
    sandbox.run(&["store", "drop", "--store", &address, "-q"]).success();
    servers.sql("shard2", "DROP DATABASE small WITH (FORCE)");
    servers.sql("shard2", "DROP TABLESPACE small");
}
