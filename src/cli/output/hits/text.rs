//! Hits for a person: rank, score, id and title on a line, and a snippet of a few lines below.

use std::io::{self, Write};
use std::path::Path;

use anstyle::{AnsiColor, Style};
use anstyle_hyperlink::{Hyperlink, path_to_url};
use semsearch::engine::{Hit, QueryWords, Scores};
use semsearch::index::{Source, words_of};

use super::place::{self, Here, HitPlace};
use super::snippet::{Marked, with_sentence};
use super::writer::{Answer, Highlight, HitFormat, HitOutput, HitWriter, Presentation};
use crate::cli::output::line::{one_line, shorten, with_indentation};
use crate::cli::output::stdout;
use crate::cli::terminal;

pub(super) const FORMAT: HitFormat = HitFormat {
    name: "text",
    help: "For people: rank, score, id and title, and a snippet below",
    writer: HitOutput {
        open: |presentation| Box::new(TextHits::new(stdout::styled(), presentation, Screen::of_stdout())),
        marks: true,
    },
};

const QUERY: Style = Style::new().bold().underline();
const SCORE: Style = AnsiColor::Cyan.on_default();
const ID: Style = Style::new().dimmed();
const TITLE: Style = Style::new().bold();

/// The columns to the left of a hit's text.
const INDENT: usize = 4;

/// The terminal on which hits are read.
struct Screen {
    /// Columns.
    width: usize,
    /// Whether an id is a link to its file.
    links: bool,
}

impl Screen {
    fn of_stdout() -> Self {
        Self { width: terminal::width(), links: terminal::has_links() }
    }
}

struct TextHits<W> {
    out: W,
    presentation: Presentation,
    screen: Screen,
    begun: bool,
}

impl<W: Write> TextHits<W> {
    fn new(out: W, presentation: Presentation, screen: Screen) -> Self {
        Self { out, presentation, screen, begun: false }
    }

    fn answer(&mut self, Answer { query, hits }: Answer<'_>) -> io::Result<()> {
        if self.presentation.several {
            if self.begun {
                writeln!(self.out)?;
            }
            writeln!(self.out, "{QUERY}{}{QUERY:#}", one_line(&query.text))?;
        }
        self.begun = true;
        let analysis = self.presentation.analysis;
        let words = QueryWords::of(&query.text, move |text| words_of(analysis, text));
        let score_width = hits.iter().map(|hit| format!("{:.4}", hit.score).len()).max().unwrap_or(0);
        hits.iter().try_for_each(|hit| {
            self.heading(hit, score_width)?;
            self.passage(hit, &words)
        })
    }

    /// The line of rank, score, id and title.
    fn heading(&mut self, hit: &Hit, score_width: usize) -> io::Result<()> {
        let (rank, score) = (hit.rank, format!("{:.4}", hit.score));
        let id = named(hit, &self.presentation.here);
        let link = if self.screen.links { link(hit) } else { None }.unwrap_or_default();
        write!(self.out, "{rank:>2}  {SCORE}{score:>score_width$}{SCORE:#}  {link}{ID}{id}{ID:#}{link:#}")?;
        if let Some(title) = &hit.document.title {
            let room = self.screen.width.saturating_sub(INDENT + score_width + id.len() + 4);
            write!(self.out, "  {TITLE}{}{TITLE:#}", shorten(title, room.max(20)))?;
        }
        if hit.copies > 0 {
            write!(self.out, "  {ID}({} more with this text){ID:#}", hit.copies)?;
        }
        if self.presentation.verbose {
            write!(self.out, "  {ID}{}{ID:#}", both_sides(hit.scores))?;
        }
        writeln!(self.out)
    }

    /// The lines of the passage, or of a snippet of it.
    fn passage(&mut self, hit: &Hit, words: &QueryWords<'_>) -> io::Result<()> {
        let text = &hit.document.text;
        let &Presentation { highlight, full, .. } = &self.presentation;
        let lines = if full {
            let whole = || {
                let none = QueryWords::none();
                let marked = if highlight == Highlight::Words { words } else { &none };
                text.lines().map(|line| Marked(marked).mark(&with_indentation(line))).collect()
            };
            let sentence = hit.sentence.as_ref().filter(|_| highlight == Highlight::Sentence);
            sentence.map_or_else(whole, |place| with_sentence(text, place))
        } else {
            let room = self.screen.width.saturating_sub(INDENT).max(20);
            Marked(words).snippet(text, hit.sentence.as_ref(), room, highlight)
        };
        lines.iter().try_for_each(|line| writeln!(self.out, "{}", format!("{:INDENT$}{line}", "").trim_end()))
    }
}

impl<W: Write> HitWriter for TextHits<W> {
    fn write(&mut self, answers: &mut dyn Iterator<Item = Answer<'_>>) -> io::Result<()> {
        for answer in answers {
            self.answer(answer)?;
        }
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// The path and line of a hit whose document is a file. Of any other hit its id, and which chunk of the document it is.
fn named(hit: &Hit, here: &Here) -> String {
    if let Some(HitPlace { path, line }) = here.place(hit).filter(|_| place::is_file(hit)) {
        return format!("{}:{line}", one_line(&path));
    }
    let id = one_line(&hit.document.id);
    hit.document.chunk.map_or(id.clone(), |chunk| format!("{id}[{}..{}]", chunk.start, chunk.end))
}

/// A link to the file that a hit comes from and to its line there, if the file still exists.
fn link(hit: &Hit) -> Option<Hyperlink<String>> {
    let Source { path, line } = hit.document.source.as_ref()?;
    let path = Path::new(path).canonicalize().ok()?;
    // The path is percent-encoded, but the machine's name before it is not.
    let url = path_to_url(&path).filter(|url| url.bytes().all(|byte| byte.is_ascii_graphic()))?;
    // Terminals that open files in an editor take the fragment for a line.
    Some(Hyperlink::with_url(line.map_or(url.clone(), |line| format!("{url}#{line}"))))
}

/// The dense and the lexical score of a hit, in words.
fn both_sides(scores: Scores) -> String {
    let part = |name: &str, score: Option<f32>| score.map(|score| format!("{name} {score:.4}"));
    let known = [part("dense", scores.dense), part("lexical", scores.lexical)];
    known.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;
    use semsearch::engine::Query;
    use semsearch::index::{ChunkPlace, StoredPassage};
    use serde_json::json;

    use super::super::sample;
    use super::*;
    use crate::cli::visible::hides;

    fn shown(presentation: Presentation) -> String {
        let mut bytes = Vec::new();
        let screen = Screen { width: 40, links: false };
        sample::written(|out| TextHits::new(out, presentation, screen), &mut bytes);
        anstream::adapter::strip_str(&String::from_utf8(bytes).unwrap()).to_string()
    }

    #[test]
    fn scores_align_and_nothing_reaches_the_terminal_but_text() {
        insta::assert_snapshot!(shown(sample::presentation()), @r"
         1   0.6989  a b[20..38]  The show
            They sang. Twice.
         2  -0.2500  c
            Nobody sang \u{1b}[31mhere.
        ");
    }

    #[test]
    fn several_queries_stand_above_their_hits_and_full_keeps_lines() {
        let presentation = Presentation { full: true, several: true, verbose: true, ..sample::presentation() };
        insta::assert_snapshot!(shown(presentation), @r"
        Who sang?
         1   0.6989  a b[20..38]  The show  dense 0.6989, lexical 7.5000
            They    sang.
            Twice.
         2  -0.2500  c  dense -0.2500
            Nobody sang \u{1b}[31mhere.

        And?
        ");
    }

    /// The output for a hit from the file at `path` that has this text in every field.
    fn hostile(text: &str, path: &Path, highlight: Highlight, full: bool) -> String {
        let stored = StoredPassage {
            id: text.into(),
            title: Some(text.into()),
            text: text.into(),
            metadata: json!({"path": path.to_string_lossy()}).as_object().cloned().unwrap(),
            chunk: Some(ChunkPlace { index: 0, start: 0, end: text.len() }),
            source: Some(Source { path: path.to_string_lossy().into(), line: Some(7) }),
        };
        let sentence = (highlight == Highlight::Sentence).then_some(0..text.len());
        let scores = Scores { dense: Some(0.5), ..Scores::default() };
        let hit = Hit { rank: 1, score: 0.5, scores, document: Arc::new(stored), sentence, copies: 0 };
        let look = Presentation { full, highlight, several: true, verbose: true, ..sample::presentation() };
        let mut bytes = Vec::new();
        let mut writer = TextHits::new(&mut bytes, look, Screen { width: 40, links: true });
        let query = Query { id: "1".into(), text: text.into() };
        writer.write(&mut std::iter::once(Answer { query: &query, hits: &[hit] })).unwrap();
        writer.finish().unwrap();
        String::from_utf8(bytes).unwrap()
    }

    /// The output without the styles and links that this module writes. The rest must contain no escape sequences.
    fn without_styles(shown: &str) -> String {
        let mut left = shown.to_owned();
        // The longer styles come first, because some begin with a shorter one.
        for style in [QUERY, AnsiColor::Red.on_default().bold(), SCORE, ID, TITLE] {
            left = left.replace(&style.to_string(), "").replace(&format!("{style:#}"), "");
        }
        while let Some((before, link)) = left.split_once("\u{1b}]8;;") {
            let (url, after) = link.split_once("\u{1b}\\").unwrap();
            assert!(url.bytes().all(|byte| byte.is_ascii_graphic()), "{url:?}");
            left = format!("{before}{after}");
        }
        left
    }

    #[test]
    fn styles_and_links_of_a_document_are_shown_and_not_obeyed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a\u{1b}\\\u{7}b\u{202e}");
        std::fs::write(&path, "x").unwrap();
        let attack = "\u{1b}[2mdim\u{1b}]8;;http://evil\u{1b}\\click\u{9b}31m\u{202e}gpj.exe";
        for highlight in [Highlight::Words, Highlight::Sentence, Highlight::None] {
            for full in [false, true] {
                let shown = hostile(attack, &path, highlight, full);
                assert!(shown.contains("\\u{1b}[2mdim\\u{1b}]8;;http://evil\\u{1b}\\"), "{shown:?}");
                assert!(shown.contains("%1B%5C%07b%E2%80%AE#7\u{1b}\\"), "{shown:?}");
                assert!(!hides(&without_styles(&shown).replace('\n', " ")), "{shown:?}");
            }
        }
    }

    proptest! {
        #[test]
        fn nothing_hidden_passes_but_styles_of_our_own(text in any::<String>(), full: bool) {
            for highlight in [Highlight::Words, Highlight::Sentence, Highlight::None] {
                let shown = hostile(&text, Path::new("/"), highlight, full);
                prop_assert!(!hides(&without_styles(&shown).replace('\n', " ")), "{:?}", shown);
            }
        }
    }
}
