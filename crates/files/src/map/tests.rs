//! What a map shows when its file becomes shorter.

use std::io::Write;

use super::*;

#[test]
fn a_file_that_becomes_shorter_shows_zeros_and_is_noticed() {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(&[7; 1 << 16]).unwrap();
    let (map, other) = (Map::new(&file).unwrap(), Map::new(&file).unwrap());
    assert_eq!(map[60_000], 7);
    file.set_len(100).unwrap();
    assert_eq!((map[60_000], map[50_000]), (0, 0));
    assert_eq!(map[50], 7);
    assert_eq!(map.check().unwrap_err().to_string(), "it became shorter while it was read");
    // The other map has not been read where something is missing.
    other.check().unwrap();
    // A slot that is used again begins anew.
    drop(map);
    let again = Map::new(&file).unwrap();
    again.check().unwrap();
    assert_eq!(again.len(), 100);
}

#[test]
fn an_empty_file_has_no_bytes() {
    let map = Map::new(&tempfile::tempfile().unwrap()).unwrap();
    assert!(map.is_empty());
    map.check().unwrap();
}

#[test]
fn a_line_of_the_systems_list_is_told_by_inode_and_name() {
    let line = "7f00-7f80 r--p 00000000 08:01 4711                   /a b/000001-00.faiss";
    assert_eq!(addresses(line, "4711", "000001-00.faiss"), Some(0x7f00..0x7f80));
    assert_eq!(addresses(&format!("{line} (deleted)"), "4711", "000001-00.faiss"), Some(0x7f00..0x7f80));
    assert_eq!(addresses(line, "4712", "000001-00.faiss"), None);
    assert_eq!(addresses(line, "4711", "other"), None);
    assert_eq!(addresses("7f00-7f80 rw-p 00000000 00:00 0 ", "0", ""), None);
}

#[test]
#[cfg(target_os = "linux")]
fn maps_that_others_make_are_found() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(&[7; 1 << 16]).unwrap();
    let name = file.path().file_name().unwrap().to_str().unwrap().to_owned();
    // SAFETY: the file is this test's own, and a page that is lost shows zeros.
    let map = unsafe { Mmap::map(file.as_file()) }.unwrap();
    let watched = Watched::of_file(file.as_file(), &name).unwrap();
    assert_eq!(watched.len(), 1);
    file.as_file().set_len(0).unwrap();
    assert_eq!(map[60_000], 0);
    assert!(!watched[0].is_whole());
}

#[test]
fn what_a_thread_maps_and_reads_in_one_call_is_noticed_too() {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(&[7; 1 << 16]).unwrap();
    let read = || {
        // SAFETY: the file is this test's own, and a page that is lost shows zeros.
        let map = unsafe { Mmap::map(&file) }.unwrap();
        file.set_len(100).unwrap();
        (map[50], map[60_000])
    };
    assert_eq!(Watched::while_this_thread(read).unwrap(), ((7, 0), false));
    assert_eq!(Watched::while_this_thread(|| 1).unwrap(), (1, true));
}
