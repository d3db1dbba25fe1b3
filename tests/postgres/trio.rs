//! One index three times: in a directory, in a cluster, and on a single server.

use super::servers::Servers;
use crate::support::{Ran, Sandbox};

/// The same index in a directory, in a cluster of two shards, and on a single server.
pub(super) struct Trio {
    pub(super) sandbox: Sandbox,
    /// The options that name each index.
    pub(super) places: [[String; 2]; 3],
}

impl Trio {
    /// Three indexes that are still empty, in schemas that begin with `name`.
    pub(super) fn new(name: &str, partitions: u16) -> Self {
        let (sandbox, servers) = (Sandbox::new(), Servers::shared());
        let cluster = servers.cluster(&sandbox, &format!("{name}_cluster"), partitions);
        let single = servers.single(&sandbox, &format!("{name}_single"), partitions.min(4));
        let places = [["-i", "dir"], ["--store", &cluster], ["--store", &single]];
        Self { places: places.map(|place| place.map(String::from)), sandbox }
    }

    /// What a command says about one of the three.
    pub(super) fn one(&self, place: usize, args: &[&str]) -> Ran {
        let named = self.places[place].each_ref().map(String::as_str);
        // No option can follow two dashes.
        let end = args.iter().position(|word| *word == "--").unwrap_or(args.len());
        self.sandbox.run(&[&args[..end], &named, &["-q"], &args[end..]].concat())
    }

    /// Runs a command that must succeed on each of the three.
    #[track_caller]
    pub(super) fn each(&self, args: &[&str]) {
        (0..self.places.len()).for_each(|place| drop(self.one(place, args).success()));
    }

    /// What a command prints. It must print the same and end in the same way for each of the three.
    #[track_caller]
    pub(super) fn same(&self, args: &[&str]) -> String {
        let expected = self.one(0, args);
        assert!(matches!(expected.status, Some(0 | 1)), "{args:?}: {expected}");
        for place in 1..self.places.len() {
            let found = self.one(place, args);
            let named = &self.places[place][1];
            // A failure shows one line, not all of them.
            for (found, expected) in found.stdout.lines().zip(expected.stdout.lines()) {
                assert_eq!(found, expected, "{args:?}, {named}");
            }
            assert!(found.stdout == expected.stdout, "{args:?}, {named}: another length: {found}");
            assert_eq!(found.status, expected.status, "{args:?}, {named}: {found}");
        }
        expected.stdout
    }
}
