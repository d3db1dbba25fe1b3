//! Paths as ids.

use std::path::{Component, Path};

/// A path as the user wrote it, without the parts that change nothing: `./docs//a.md` is `docs/a.md`, on every system.
pub(crate) fn plain_path(path: &Path) -> String {
    let mut plain = String::new();
    for component in path.components().filter(|component| !matches!(component, Component::CurDir)) {
        match component {
            Component::RootDir => plain.push('/'),
            named => {
                if !plain.is_empty() && !plain.ends_with('/') {
                    plain.push('/');
                }
                plain.push_str(&named.as_os_str().to_string_lossy());
            }
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_lose_what_says_nothing() {
        let plain = |path: &str| plain_path(path.as_ref());
        assert_eq!(plain("./a/./b//c.md"), "a/b/c.md");
        assert_eq!(plain("../a.md"), "../a.md");
        assert_eq!(plain("/x/a.md"), "/x/a.md");
    }
}
