//! The inputs of a run: their names, for messages, and their canonical paths, for pruning.

use std::collections::HashMap;
use std::fs;
use std::sync::Arc;

use semsearch_files::Place;

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
        // The canonical path is the same when the next run names the file by another path.
        let absolute = fs::canonicalize(&**name).ok();
        self.origins.push(absolute.map_or_else(|| Arc::clone(name), |path| path.to_string_lossy().into()));
        self.numbers.insert(Arc::clone(name), number);
        number
    }

    /// The canonical path of an input that is a file; the name of any other.
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
