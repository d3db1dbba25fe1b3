//! Runs the operations of a page that draw text, and hands on each character with its place.
//!
//! Colours, lines and pictures are passed over, and so is the question whether something is drawn over the text.

use hayro_font::hayro_cmap::BfString;
use hayro_font::kurbo::{Affine, Point};
use hayro_font::{Font, FontGlyph, UNITS_PER_EM};
use hayro_syntax::content::TypedIter;
use hayro_syntax::content::ops::TypedInstruction as Operation;
use hayro_syntax::object::{Array, Dict, Name, Number, Object, Stream};
use hayro_syntax::page::{Page, Resources};

use super::fonts::Fonts;
use super::layout::{Character, PageText};
use super::limits::Limits;

/// How deep forms, which are drawings that can be drawn several times, may be nested.
const DEEPEST: usize = 16;

/// How many states may be saved.
const MOST_SAVED: usize = 512;

/// What is in force when text is drawn.
#[derive(Clone)]
struct State<'a> {
    transform: Affine,
    font: Option<Font<'a>>,
    size: f64,
    character_spacing: f64,
    word_spacing: f64,
    scale: f64,
    leading: f64,
    rise: f64,
}

/// Draws the text of a page.
pub(super) struct Painter<'a, 'b> {
    page: &'a Page<'a>,
    fonts: &'b mut Fonts<'a>,
    limits: &'b mut Limits,
    text: &'b mut PageText,
    state: State<'a>,
    saved: Vec<State<'a>>,
    /// Where the next character is drawn, and where its line began.
    matrix: Affine,
    line: Affine,
    depth: usize,
    /// How many bytes of operations are being run: those of the page, of a form in it, of a form in that one.
    open: usize,
}

impl<'a, 'b> Painter<'a, 'b> {
    pub(super) fn new(
        page: &'a Page<'a>,
        fonts: &'b mut Fonts<'a>,
        limits: &'b mut Limits,
        text: &'b mut PageText,
    ) -> Self {
        let state = State {
            transform: Affine::new(page.initial_transform(false).as_coeffs()),
            font: None,
            size: 0.0,
            character_spacing: 0.0,
            word_spacing: 0.0,
            scale: 1.0,
            leading: 0.0,
            rise: 0.0,
        };
        let (matrix, line) = (Affine::IDENTITY, Affine::IDENTITY);
        Self { page, fonts, limits, text, state, saved: vec![], matrix, line, depth: 0, open: 0 }
    }

    /// Draws the whole page.
    pub(super) fn page(&mut self) -> Result<(), String> {
        let page = self.page;
        let content = self.content()?;
        self.run(&content, page.resources())
    }

    /// The operations of the page, which may stand in several streams.
    fn content(&self) -> Result<Vec<u8>, String> {
        let streams: Vec<Stream<'a>> = match self.page.raw().get::<Object<'a>>(&b"Contents"[..]) {
            Some(Object::Stream(stream)) => vec![stream],
            Some(Object::Array(streams)) => streams.iter().collect(),
            _ => vec![],
        };
        let mut content = Vec::new();
        for stream in streams {
            self.limits.clock()?;
            content.extend_from_slice(&stream.decoded_data().unwrap_or_default());
            content.push(b'\n');
            self.limits.content(content.len())?;
        }
        Ok(content)
    }

    fn run(&mut self, content: &[u8], resources: &Resources<'a>) -> Result<(), String> {
        self.open += content.len();
        self.limits.content(self.open)?;
        let mut operations = TypedIter::new(content);
        while let Some(operation) = operations.next() {
            self.limits.operation()?;
            match operation {
                Operation::XObject(name) => self.form(resources.get_x_object(name.0), resources)?,
                Operation::TextFont(font) => {
                    let dict = resources.get_font(font.0);
                    self.state.font = dict.map(|dict| self.fonts.font(&dict)).transpose()?.flatten();
                    self.state.size = font.1.as_f64();
                }
                other => self.operation(&other)?,
            }
        }
        self.open -= content.len();
        Ok(())
    }

    fn operation(&mut self, operation: &Operation<'_, '_>) -> Result<(), String> {
        match operation {
            Operation::SaveState(_) if self.saved.len() < MOST_SAVED => self.saved.push(self.state.clone()),
            Operation::RestoreState(_) => self.state = self.saved.pop().unwrap_or_else(|| self.state.clone()),
            Operation::Transform(by) => self.state.transform *= affine([by.0, by.1, by.2, by.3, by.4, by.5]),
            Operation::CharacterSpacing(by) => self.state.character_spacing = by.0.as_f64(),
            Operation::WordSpacing(by) => self.state.word_spacing = by.0.as_f64(),
            Operation::HorizontalScaling(by) => self.state.scale = by.0.as_f64() / 100.0,
            Operation::TextLeading(by) => self.state.leading = by.0.as_f64(),
            Operation::TextRise(by) => self.state.rise = by.0.as_f64(),
            Operation::BeginText(_) => self.start_at(Affine::IDENTITY),
            Operation::SetTextMatrix(to) => self.start_at(affine([to.0, to.1, to.2, to.3, to.4, to.5])),
            Operation::NextLine(by) => self.next_line(by.0.as_f64(), by.1.as_f64()),
            Operation::NextLineAndSetLeading(by) => {
                self.state.leading = -by.1.as_f64();
                self.next_line(by.0.as_f64(), by.1.as_f64());
            }
            Operation::NextLineUsingLeading(_) => self.next_line(0.0, -self.state.leading),
            _ => return self.shown(operation),
        }
        Ok(())
    }

    /// Does an operation that draws text.
    fn shown(&mut self, operation: &Operation<'_, '_>) -> Result<(), String> {
        match operation {
            Operation::ShowText(text) => self.show(text.0.as_bytes()),
            Operation::NextLineAndShowText(text) => {
                self.next_line(0.0, -self.state.leading);
                self.show(text.0.as_bytes())
            }
            Operation::ShowTextWithParameters(text) => {
                self.state.word_spacing = text.0.as_f64();
                self.state.character_spacing = text.1.as_f64();
                self.next_line(0.0, -self.state.leading);
                self.show(text.2.as_bytes())
            }
            Operation::ShowTexts(pieces) => self.show_all(pieces.0),
            _ => Ok(()),
        }
    }

    /// Draws strings with distances between them.
    fn show_all(&mut self, pieces: &Array<'_>) -> Result<(), String> {
        for piece in pieces.iter::<Object<'_>>() {
            match piece {
                Object::String(text) => self.show(text.as_bytes())?,
                Object::Number(distance) => {
                    self.advance(-distance.as_f64() / f64::from(UNITS_PER_EM) * self.state.size, 0.0);
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn show(&mut self, bytes: &[u8]) -> Result<(), String> {
        let Some(font) = self.state.font.clone() else { return Ok(()) };
        let mut at = 0;
        while at < bytes.len() {
            let (code, length) = font.read_code(bytes, at);
            at += length.max(1);
            let placed = self.placement();
            let advance = font.code_advance(code) / f64::from(UNITS_PER_EM) * self.state.size;
            let is_space = length == 1 && code == u32::from(b' ');
            let word = if is_space { self.state.word_spacing } else { 0.0 };
            let across = font.is_horizontal();
            self.advance(if across { advance.x } else { advance.y }, 0.0);
            self.limits.character()?;
            if let Some(text) = characters(&font, code) {
                self.text.add(self.character(text, placed, across));
            }
            self.advance(0.0, self.state.character_spacing + word);
        }
        Ok(())
    }

    /// The transform from the em of the font to the page.
    fn placement(&self) -> Affine {
        let State { size, scale, rise, .. } = self.state;
        self.state.transform * self.matrix * Affine::new([size * scale, 0.0, 0.0, size, 0.0, rise])
    }

    /// A character that begins where `placed` says and ends where the next one begins.
    fn character(&self, text: String, placed: Affine, across: bool) -> Character {
        let end = self.placement() * Point::ORIGIN;
        let start = placed * Point::ORIGIN;
        let coefficients = placed.as_coeffs();
        let size = coefficients[2].hypot(coefficients[3]);
        let direction = if across { (coefficients[0], coefficients[1]) } else { (-coefficients[2], -coefficients[3]) };
        Character::new(text, [(start.x, start.y), (end.x, end.y)], direction, size)
    }

    /// Moves to the place of the next character: by its own width, and by distances that were set.
    fn advance(&mut self, width: f64, spacing: f64) {
        let along = width + spacing;
        let across = self.state.font.as_ref().is_none_or(Font::is_horizontal);
        let by = if across { (along * self.state.scale, 0.0) } else { (0.0, along) };
        self.matrix *= Affine::translate(by);
    }

    fn start_at(&mut self, matrix: Affine) {
        (self.matrix, self.line) = (matrix, matrix);
    }

    fn next_line(&mut self, x: f64, y: f64) {
        self.start_at(self.line * Affine::translate((x, y)));
    }

    /// Draws a form.
    fn form(&mut self, stream: Option<Stream<'a>>, around: &Resources<'a>) -> Result<(), String> {
        let Some(stream) = stream.filter(|stream| is_form(stream)) else { return Ok(()) };
        if self.depth >= DEEPEST {
            return Ok(());
        }
        self.limits.clock()?;
        let Ok(content) = stream.decoded_data() else { return Ok(()) };
        let own = stream.dict().get::<Dict<'a>>(&b"Resources"[..]).map(Resources::new);
        let matrix = stream.dict().get::<[f64; 6]>(&b"Matrix"[..]).map_or(Affine::IDENTITY, Affine::new);

        let (state, saved) = (self.state.clone(), std::mem::take(&mut self.saved));
        self.state.transform *= matrix;
        self.depth += 1;
        self.run(&content, own.as_ref().unwrap_or(around))?;
        self.depth -= 1;
        (self.state, self.saved) = (state, saved);
        Ok(())
    }
}

fn is_form(stream: &Stream<'_>) -> bool {
    stream.dict().get::<Name<'_>>(&b"Subtype"[..]).is_some_and(|name| name.as_ref() == b"Form")
}

fn affine(numbers: [Number; 6]) -> Affine {
    Affine::new(numbers.map(|number| number.as_f64()))
}

/// The characters that a glyph stands for, if the font says it.
fn characters(font: &Font<'_>, code: u32) -> Option<String> {
    let found = match font.glyph(font.map_code(code), code) {
        FontGlyph::Outline(glyph) => glyph.as_unicode(),
        FontGlyph::Type3(glyph) => glyph.as_unicode(),
    };
    found.map(|found| match found {
        BfString::Char(character) => character.into(),
        BfString::String(text) => text,
    })
}
