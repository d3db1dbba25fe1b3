//! The inputs of a run: their names, for messages, and their real paths, for pruning.

use std::collections::HashMap;
use std::sync::Arc;

use semsearch_files::{Place, real_path};

/// The inputs of a run, by number.
#[derive(Default)]
pub struct Inputs {
    names: Vec<Arc<str>>,
    origins: Vec<Arc<str>>,
    numbers: HashMap<Arc<str>, u32>,
}

impl Inputs {
    /// The number of the input with this name.
    pub fn number(&mut self, name: &Arc<str>) -> u32 {
        if let Some(number) = self.numbers.get(name) {
            return *number;
        }
        let number = self.names.len() as u32;
        self.names.push(Arc::clone(name));
        // The real path is the same when the next run names the file by another path. The file may be gone already.
        let real = Place::file(name).map(|path| real_path(path).to_string_lossy().into());
        self.origins.push(real.unwrap_or_else(|| Arc::clone(name)));
        self.numbers.insert(Arc::clone(name), number);
        number
    }

    /// The real path of an input that is a file; the name of any other.
    pub fn origin(&mut self, name: &Arc<str>) -> Arc<str> {
        let number = self.number(name);
        Arc::clone(&self.origins[number as usize])
    }

    /// The origins of all inputs.
    pub fn origins(&self) -> impl Iterator<Item = String> {
        self.origins.iter().map(|origin| origin.to_string())
    }

    /// A place in the input of this number; line 0 is the input as a whole.
    pub fn place(&self, number: u32, line: u64) -> Place {
        let input = &self.names[number as usize];
        if line == 0 { Place::whole(input) } else { Place::line(input, line) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_gone_since_it_was_read_has_its_path_and_other_inputs_have_their_names() {
        let directory = tempfile::tempdir().unwrap();
        let origin = |name: &str| Inputs::default().origin(&name.into());
        let file = directory.path().join("a.md");
        std::fs::write(&file, "a").unwrap();
        std::os::unix::fs::symlink("a.md", directory.path().join("link.md")).unwrap();
        let names = ["a.md", "link.md"].map(|name| directory.path().join(name).to_string_lossy().into_owned());
        let real = file.canonicalize().unwrap().to_string_lossy().into_owned();
        assert_eq!(names.each_ref().map(|name| origin(name).to_string()), [&*real, &*real]);
        std::fs::remove_file(&file).unwrap();
        assert_eq!(names.each_ref().map(|name| origin(name).to_string()), [&*real, &*real]);
        for other in ["<stdin>", "<python>", "hf://datasets/rajpurkar/squad"] {
            assert_eq!(&*origin(other), other);
        }
    }
}
