//! The prompt, on a pseudo-terminal that Python's pty makes.

use std::process::{Command, Stdio};

use crate::support::Sandbox;

/// Types each line after the answer to the line before it. `^` stands for a control key. Prints what the terminal
/// received.
const TYPIST: &str = r#"
import os, pty, re, select, sys, time
program, *lines = sys.argv[1:]
pid, screen = pty.fork()
if pid == 0:
    os.execv(program, [program, "query", "-k", "1", "--color", "never"])
shown = b""
def wait(times):
    global shown
    end = time.time() + 60
    while shown.count(b"semsearch> ") < times:
        if time.time() > end or not select.select([screen], [], [], 60)[0]:
            sys.exit("no prompt")
        shown += os.read(screen, 65536)
keys = {"^up": b"\x1b[A\r", "^C": b"half\x03", "^D": b"\x04"}
for line in lines:
    # The line editor draws its prompt anew for each key: only a new line of the screen is a new prompt.
    before = shown.count(b"semsearch> ")
    wait(max(before, 1))
    time.sleep(0.3)
    while select.select([screen], [], [], 0.2)[0]:
        shown += os.read(screen, 65536)
    os.write(screen, keys.get(line, line.encode() + b"\r"))
try:
    while True:
        shown += os.read(screen, 65536)
except OSError:
    pass
sys.stdout.buffer.write(re.sub(rb"\x1b\[[0-9;?]*[a-zA-Z]|\r", b"", shown))
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"#;

fn typed(sandbox: &Sandbox, lines: &[&str]) -> (Option<i32>, String) {
    let plain = sandbox.command(&[]);
    let mut python = Command::new("python3");
    python.arg("-c").arg(TYPIST).arg(plain.get_program()).args(lines).current_dir(sandbox.path("")).env_clear();
    python.envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?)))).env("TERM", "xterm");
    let output = python.stdin(Stdio::null()).output().unwrap();
    (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
}

#[test]
fn questions_are_asked_one_after_the_other_and_remembered() {
    let sandbox = Sandbox::with_index();
    let (status, shown) =
        typed(&sandbox, &["Who headlined the halftime show?", "", "^C", "what makes bread rise", "^D"]);
    assert_eq!(status, Some(0), "{shown}");
    assert!(shown.contains("a question a line"), "{shown}");
    let place = |word: &str| shown.find(word).unwrap_or_else(|| panic!("{word}: {shown}"));
    assert!(place("0.6025  super-bowl-50-halftime") < place("0.4341  sourdough-microbes"), "{shown}");
    let history = std::fs::read_to_string(sandbox.path(".local/state/semsearch/history")).unwrap();
    assert!(history.ends_with("Who headlined the halftime show?\nwhat makes bread rise\n"), "{history}");
    // The next session remembers the questions: the up arrow shows the last one.
    let (status, shown) = typed(&sandbox, &["^up", "^D"]);
    assert_eq!(status, Some(0), "{shown}");
    assert!(shown.contains("sourdough-microbes"), "{shown}");
}

#[test]
fn questions_are_remembered_for_nobody_else_and_not_by_way_of_a_link() {
    use std::os::unix::fs::{PermissionsExt, symlink};

    let sandbox = Sandbox::with_index();
    let history = sandbox.path(".local/state/semsearch/history");
    let (status, shown) = typed(&sandbox, &["what makes bread rise", "^D"]);
    assert_eq!(status, Some(0), "{shown}");
    assert_eq!(history.metadata().unwrap().permissions().mode() & 0o777, 0o600);

    // A question with escape sequences is not shown again.
    std::fs::write(&history, "#V2\nwho won\nwho \u{1b}]0;evil\u{7} won\n").unwrap();
    let (status, shown) = typed(&sandbox, &["^up", "^D"]);
    assert_eq!(status, Some(0), "{shown}");
    assert!(shown.contains("senna-interlagos") && !shown.contains("evil"), "{shown}");

    let theirs = sandbox.write("theirs", "theirs");
    std::fs::remove_file(&history).unwrap();
    symlink(&theirs, &history).unwrap();
    let (status, shown) = typed(&sandbox, &["what makes bread rise", "^D"]);
    assert_eq!(status, Some(0), "{shown}");
    assert!(shown.contains("warning: questions are not remembered") && shown.contains("sourdough"), "{shown}");
    assert_eq!(std::fs::read_to_string(theirs).unwrap(), "theirs");
}
