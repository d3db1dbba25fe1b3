//! What an error says: one line with what and where, and a hint that says what to do.

use crate::support::Ran;

/// Standard error of a run that failed, without what differs from run to run: ports, and numbers of processes.
#[track_caller]
pub(super) fn told(ran: &Ran) -> String {
    assert_eq!((ran.status, ran.stdout.as_str()), (Some(2), ""), "{ran}");
    let lines: Vec<&str> = ran.stderr.lines().collect();
    assert!(lines.len() == 2 && lines[0].starts_with("error: ") && lines[1].starts_with("hint: "), "{ran}");
    let mut told = String::new();
    let mut rest = ran.stderr.as_str();
    while let Some(at) = rest.find("127.0.0.1:") {
        let (before, after) = rest.split_at(at + "127.0.0.1:".len());
        told += before;
        told += "[PORT]";
        rest = after.trim_start_matches(|digit: char| digit.is_ascii_digit());
    }
    told + rest
}
