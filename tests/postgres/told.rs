//! What an error says: one line with what and where, and a hint that says what to do.

use crate::support::Ran;

/// Standard error of a run that failed, without what differs from run to run: the numbers of ports.
#[track_caller]
pub(super) fn told(ran: &Ran) -> String {
    assert_eq!((ran.status, ran.stdout.as_str()), (Some(2), ""), "{ran}");
    let lines: Vec<&str> = ran.stderr.lines().collect();
    assert!(lines.len() == 2 && lines[0].starts_with("error: ") && lines[1].starts_with("hint: "), "{ran}");
    ["127.0.0.1:", " port "].iter().fold(ran.stderr.clone(), |told, before| without_numbers(&told, before))
}

/// The text with a placeholder for each number that follows `before`.
fn without_numbers(text: &str, before: &str) -> String {
    let mut parts = text.split(before);
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |told, part| {
        let rest = part.trim_start_matches(|digit: char| digit.is_ascii_digit());
        let number = if rest.len() < part.len() { "[PORT]" } else { "" };
        told + before + number + rest
    })
}
