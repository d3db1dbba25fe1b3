//! What a directory guarantees.

use std::os::unix::fs::symlink;
use std::time::Instant;

use super::*;
use crate::is_temporary;

fn opened() -> (tempfile::TempDir, Dir) {
    let root = tempfile::tempdir().unwrap();
    let dir = Dir::open(root.path()).unwrap();
    (root, dir)
}

#[test]
fn a_link_is_never_followed() {
    let (root, dir) = opened();
    let outside = tempfile::tempdir().unwrap();
    let victim = outside.path().join("victim");
    std::fs::write(&victim, "theirs").unwrap();
    symlink(&victim, root.path().join("file")).unwrap();
    symlink(outside.path().join("new"), root.path().join("hanging")).unwrap();
    symlink(outside.path(), root.path().join("directory")).unwrap();

    for name in ["file", "hanging"] {
        assert!(dir.read(name).unwrap_err().to_string().contains("symbolic link"));
        assert!(dir.write(name).unwrap_err().to_string().contains("symbolic link"));
        assert_eq!(dir.create(name).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
    }
    assert!(dir.subdirectory("directory").is_err());
    dir.create("mine").unwrap();
    dir.rename("mine", "file").unwrap();
    dir.remove("directory").unwrap();
    assert_eq!(std::fs::read_to_string(&victim).unwrap(), "theirs");
    assert!(!outside.path().join("new").exists());
}

#[test]
fn no_name_leads_out_of_the_directory() {
    let (_root, dir) = opened();
    for name in ["", ".", "..", "../a", "/etc/passwd", "a/b"] {
        assert!(dir.read(name).is_err() && dir.create(name).is_err(), "{name}");
        assert!(dir.remove(name).is_err() && dir.rename(name, "a").is_err(), "{name}");
        assert!(dir.make_directory(name).is_err() && dir.subdirectory(name).is_err(), "{name}");
    }
}

#[test]
fn a_pipe_is_refused_at_once() {
    let (root, dir) = opened();
    nix::unistd::mkfifo(&root.path().join("pipe"), FILE).unwrap();
    let started = Instant::now();
    assert_eq!(dir.read("pipe").unwrap_err().to_string(), "not a regular file");
    assert!(started.elapsed().as_secs() < 5);
}

#[test]
fn a_directory_that_was_moved_is_noticed_and_still_this_one() {
    let (root, _) = opened();
    let (path, moved) = (root.path().join("a"), root.path().join("b"));
    std::fs::create_dir(&path).unwrap();
    let dir = Dir::open(&path).unwrap();
    assert!(dir.is_in_place().unwrap());
    std::fs::rename(&path, &moved).unwrap();
    assert!(!dir.is_in_place().unwrap());
    std::fs::create_dir(&path).unwrap();
    assert!(!dir.is_in_place().unwrap());
    dir.create("file").unwrap().write_all(b"x").unwrap();
    assert!(moved.join("file").exists() && !path.join("file").exists());
}

#[test]
fn a_file_is_published_whole_or_not_at_all() {
    let (root, dir) = opened();
    assert!(dir.publish("a", b"first").unwrap());
    assert!(!dir.publish("a", b"second").unwrap());
    assert_eq!(std::fs::read(root.path().join("a")).unwrap(), b"first");
    assert_eq!(dir.entries().unwrap(), ["a"]);
    assert!(is_temporary(&temporary()) && !is_temporary("new-file.tmp"));
}

#[test]
fn a_name_that_is_taken_is_not_taken_away_by_a_link() {
    let (_root, dir) = opened();
    dir.create("a").unwrap();
    dir.create("b").unwrap();
    assert!(!dir.link("a", "b").unwrap());
    assert!(dir.link("a", "c").unwrap());
    assert_eq!(dir.identity_of("a").unwrap(), dir.identity_of("c").unwrap());
    assert_eq!(dir.identity_of("d").unwrap(), None);
    let mut names = dir.entries().unwrap();
    names.sort();
    assert_eq!(names, ["a", "b", "c"]);
}
