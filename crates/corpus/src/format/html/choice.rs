//! Chooses the parts of a page that are its text, and puts them together.

use super::super::extracted::Extracted;
use super::flow::{Flow, Run, WrittenHeading};
use super::page::{Page, Scope};
use super::region::{Region, Regions};
use crate::{Layout, Lines, Outline};

/// The text of a page with its title and its layout.
pub(super) fn extracted(page: Page<'_>, scope: Scope) -> Extracted {
    let runs = match scope {
        Scope::Content => chosen(&page.flow, page.regions),
        Scope::Everything => page.flow.runs.clone(),
    };
    let (text, lines, outline) = join(&page.flow, &runs);
    let named = page.title.as_deref().map(collapsed).filter(|title| !title.is_empty());
    let headed = || outline.title().map(String::from).or_else(|| Some(title_of(&page.flow, main_heading(&page.flow)?)));
    let title = named.or_else(headed);
    let layout = Layout { outline: Some(outline), lines: Lines::Known(lines), ..Layout::default() };
    Extracted { title, text, layout, metadata: page.metadata }
}

/// The runs of the main part; or else those of the article, if they are most of the text; or else all but what stands
/// around the text. A header of the page is part of the text if the first heading of level 1 is in it.
fn chosen(flow: &Flow, regions: Regions) -> Vec<Run> {
    let runs = |wanted: &dyn Fn(Region) -> bool| {
        flow.runs.iter().filter(|run| wanted(run.region)).copied().collect::<Vec<_>>()
    };
    let main = runs(&|region| region.is_in(&[Region::MAIN]));
    if regions.mains == 1 && !main.is_empty() {
        return main;
    }
    let body = runs(&|region| !region.is_in(&[Region::HEADER, Region::MARGIN]));
    let article = runs(&|region| region.is_in(&[Region::ARTICLE]));
    if regions.articles == 1 && !article.is_empty() && 2 * length(&article) >= length(&body) {
        return article;
    }
    let title = main_heading(flow).and_then(|heading| run_of(&flow.runs, heading.start));
    match title {
        Some(title) if title.region.is_in(&[Region::HEADER]) => runs(&|region| !region.is_in(&[Region::MARGIN])),
        _ => body,
    }
}

/// The first heading of level 1.
fn main_heading(flow: &Flow) -> Option<WrittenHeading> {
    flow.headings.iter().find(|heading| heading.level == 1).copied()
}

fn title_of(flow: &Flow, heading: WrittenHeading) -> String {
    collapsed(&flow.text[heading.start as usize..heading.end as usize])
}

fn length(runs: &[Run]) -> u64 {
    runs.iter().map(|run| u64::from(run.end - run.start)).sum()
}

/// The run that contains a byte of the text.
fn run_of(runs: &[Run], at: u32) -> Option<&Run> {
    runs.partition_point(|run| run.start <= at).checked_sub(1).and_then(|last| runs.get(last))
}

/// The text of some runs, with its lines and headings.
fn join(flow: &Flow, runs: &[Run]) -> (String, Vec<(usize, u64)>, Outline) {
    let (mut text, mut lines, mut outline) = (String::new(), Vec::new(), Outline::default());
    for run in runs {
        if !text.is_empty() {
            text.push_str("\n\n");
        }
        let place = |at: u32, text: &String| text.len() + (at - run.start) as usize;
        for &(at, line) in within(&flow.lines, run, |&(at, _)| at) {
            lines.push((place(at, &text), u64::from(line)));
        }
        for heading in within(&flow.headings, run, |heading| heading.start) {
            outline.add(place(heading.start, &text), heading.level, &title_of(flow, *heading));
        }
        text.push_str(&flow.text[run.start as usize..run.end as usize]);
    }
    (text, lines, outline)
}

/// The elements of an ascending list whose places are in a run.
fn within<'a, T>(all: &'a [T], run: &Run, place: impl Fn(&T) -> u32) -> &'a [T] {
    let start = all.partition_point(|one| place(one) < run.start);
    let count = all[start..].partition_point(|one| place(one) < run.end);
    &all[start..start + count]
}

/// A text on one line, with one space between its words.
fn collapsed(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
