//! The files of the hits: each path once, that of the best hit first.

use std::collections::HashSet;
use std::io::{self, Write};

use super::place::Here;
use super::writer::{Answer, HitOutput, HitWriter};
use crate::cli::output::stdout;

/// What `--files-with-matches` writes.
pub(crate) const PATHS: HitOutput = HitOutput {
    open: |presentation| Box::new(Paths { out: stdout::raw(), here: presentation.here, written: HashSet::new() }),
    marks: false,
};

struct Paths<W> {
    out: W,
    here: Here,
    written: HashSet<String>,
}

impl<W: Write> HitWriter for Paths<W> {
    fn write(&mut self, answers: &mut dyn Iterator<Item = Answer<'_>>) -> io::Result<()> {
        for hit in answers.flat_map(|answer| answer.hits) {
            let Some(place) = self.here.place(hit) else { continue };
            if self.written.insert(place.path.clone()) {
                writeln!(self.out, "{}", place.path)?;
            }
        }
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    #[test]
    fn a_path_comes_once_whatever_number_of_hits_it_has() {
        let mut bytes = Vec::new();
        let paths = |out| Paths { out, here: Here::default(), written: HashSet::from(["/data/b.md".into()]) };
        sample::written(paths, &mut bytes);
        assert_eq!(String::from_utf8(bytes).unwrap(), "/data/a.md\n");
    }
}
