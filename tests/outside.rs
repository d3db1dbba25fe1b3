//! A program outside the workspace: it depends on the library crates, and needs nothing more to build and to link.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use super::support::{Sandbox, model};

/// The target folder of this test. A dependency that has been built there with the same features is not built again.
fn target() -> &'static Path {
    Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap()
}

/// The program's directory. It has the same versions as the workspace: there may be no network, and another version of
/// FAISS's crate would be compiled again.
fn outside() -> &'static Path {
    static OUTSIDE: OnceLock<PathBuf> = OnceLock::new();
    OUTSIDE.get_or_init(|| {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let outside = root.join("tests/outside");
        std::fs::copy(root.join("Cargo.lock"), outside.join("Cargo.lock")).unwrap();
        outside
    })
}

/// With another profile, all of FAISS and 300 crates are built a second time; with other settings for one crate, that crate
/// and every crate that needs it.
#[test]
fn the_program_outside_has_the_profile_of_the_workspace() {
    let mut tree = Command::new(env!("CARGO"));
    tree.args(["tree", "--offline", "--edges", "normal,build", "--prefix", "none", "--manifest-path"]);
    let tree = tree.arg(outside().join("Cargo.toml")).output().unwrap();
    assert!(tree.status.success(), "{}", String::from_utf8_lossy(&tree.stderr));
    let tree = String::from_utf8(tree.stdout).unwrap();
    let needs = |name: &str| tree.lines().any(|line| line.split(' ').next() == Some(name));
    assert!(needs("faiss"), "{tree}");

    let ours = sections(&outside().join("Cargo.toml"));
    for section in sections(&Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml")) {
        let package = section.strip_prefix(".package.").and_then(|section| section.split_once(']'));
        let is_shared = package.is_none_or(|(name, _)| needs(name) && !name.starts_with("semsearch"));
        assert!(!is_shared || ours.contains(&section), "tests/outside/Cargo.toml lacks [profile.release{section}");
    }
}

/// The sections of a manifest that set the release profile, each without its first word.
fn sections(manifest: &Path) -> Vec<String> {
    let manifest = std::fs::read_to_string(manifest).unwrap();
    let settings = |section: &str| {
        let lines = section.lines().take_while(|line| !line.is_empty() && !line.starts_with('#'));
        lines.collect::<Vec<_>>().join("\n")
    };
    manifest.split("[profile.release").skip(1).map(settings).collect()
}

#[test]
fn a_program_outside_of_the_workspace_builds_links_and_searches() {
    let mut build = Command::new(env!("CARGO"));
    build.args(["build", "--release", "--offline", "--quiet", "--manifest-path"]).arg(outside().join("Cargo.toml"));
    let built = build.env("CARGO_TARGET_DIR", target()).output().unwrap();
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));

    let sandbox = Sandbox::new();
    let texts = ["bees", "planets", "bread"].map(|id| {
        let text = match id {
            "bees" => "Honey bees dance to tell each other where flowers are.",
            "planets" => "Jupiter is the largest planet of the solar system.",
            _ => "Knead the dough, let it rise for an hour, and bake it.",
        };
        format!("{{\"_id\": \"{id}\", \"text\": \"{text}\"}}\n")
    });
    let file = sandbox.write("texts.jsonl", texts.concat());
    let mut program = Command::new(target().join("release/outside"));
    program.arg(model()).arg(file).arg(sandbox.path("index")).arg("How do insects communicate?");
    let ran = program.output().unwrap();
    assert_eq!((ran.status.code(), String::from_utf8_lossy(&ran.stdout).trim()), (Some(0), "bees"), "{ran:?}");
}
