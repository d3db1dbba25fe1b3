//! A program outside the workspace: it depends on the library crates, and needs nothing more to build and to link.

use std::path::Path;
use std::process::Command;

use super::support::{Sandbox, model};

/// The target folder of this test. A dependency that has been built there with the same features is not built again.
fn target() -> &'static Path {
    Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap()
}

/// With another profile, all of FAISS and 300 crates are built a second time.
#[test]
fn the_program_outside_has_the_profile_of_the_workspace() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let profile = |manifest: &str| {
        let manifest = std::fs::read_to_string(root.join(manifest)).unwrap();
        let (_, profile) = manifest.split_once("[profile.release]\n").unwrap();
        profile.split("\n\n").next().unwrap().to_owned()
    };
    assert_eq!(profile("tests/outside/Cargo.toml"), profile("Cargo.toml"));
}

#[test]
fn a_program_outside_of_the_workspace_builds_links_and_searches() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let outside = root.join("tests/outside");
    // The same versions as in the workspace: there may be no network, and another version of FAISS's crate would be
    // compiled again.
    std::fs::copy(root.join("Cargo.lock"), outside.join("Cargo.lock")).unwrap();
    let mut build = Command::new(env!("CARGO"));
    build.args(["build", "--release", "--offline", "--quiet", "--manifest-path"]).arg(outside.join("Cargo.toml"));
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
