//! The crate's side of the benchmark: windows from a file, then an answer for each line on standard input.
//!
//! | line            | answer                                                                        |
//! |-----------------|-------------------------------------------------------------------------------|
//! | `cool 3`        | what `Kiln::cool` of window 3 took: nanoseconds by the clock, and of processor |
//! | `information 3` | likewise of its four information functions                                    |
//! | `patterns 3`    | how many it found when it was last cooled, then kind and confidence of each    |
//! | `figures 3`     | mutual informations and permutation entropies, each sorted, on one line        |
//!
//! The order of the crate's metrics changes from call to call, and its matrix bears no names: hence sorted.

mod clock;
mod windows;

use clock::Stopwatch;
use crackle_runtime::{CracklePattern, Kiln, ThermalProfile};
use std::hint::black_box;
use std::io::{self, BufRead, Write};
use windows::Window;

const BINS: usize = 10;
const ORDER: usize = 3;

fn main() -> io::Result<()> {
    let path = std::env::args()
        .nth(1)
        .expect("usage: crate-cooling WINDOWS < lines");
    let mut kilns: Vec<Kiln> = windows::read(&path)?.iter().map(filled).collect();
    let mut found: Vec<Vec<CracklePattern>> = kilns.iter().map(|_| Vec::new()).collect();
    let mut out = io::stdout().lock();
    for line in io::stdin().lock().lines() {
        let line = line?;
        let (what, number) = line
            .split_once(' ')
            .expect("a line is a word and the number of a window");
        let number: usize = number.parse().expect("windows are numbered from 0");
        let kiln = &mut kilns[number];
        match what {
            "cool" => {
                let mut patterns = Vec::new();
                writeln!(out, "{}", taken(|| patterns = black_box(kiln.cool())))?;
                found[number] = patterns;
            }
            "information" => writeln!(out, "{}", taken(|| inform(kiln)))?,
            "patterns" => write_patterns(&found[number], &mut out)?,
            "figures" => writeln!(out, "{}", figures(kiln))?,
            _ => panic!("no answer to {what}: cool, information, patterns or figures"),
        }
        out.flush()?;
    }
    Ok(())
}

fn filled(window: &Window) -> Kiln {
    let mut kiln = Kiln::new(ThermalProfile::default());
    for task in 0..window.tasks() {
        kiln.add_entry(format!("task-{task}"), window.metrics(task));
    }
    kiln
}

fn taken(work: impl FnOnce()) -> String {
    let watch = Stopwatch::start();
    work();
    let (wall, processor) = watch.nanoseconds();
    format!("{wall} {processor}")
}

fn inform(kiln: &Kiln) {
    black_box(kiln.distribution_shift(BINS));
    black_box(kiln.jsd_shift(BINS));
    black_box(kiln.permutation_entropies(ORDER));
    black_box(kiln.mi_matrix(BINS));
}

fn write_patterns(patterns: &[CracklePattern], out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "{}", patterns.len())?;
    for each in patterns {
        writeln!(out, "{}\t{}", each.kind(), each.confidence())?;
    }
    Ok(())
}

fn figures(kiln: &Kiln) -> String {
    let mut informations: Vec<f64> = kiln.mi_matrix(BINS).concat();
    let mut entropies: Vec<f64> = kiln
        .permutation_entropies(ORDER)
        .into_iter()
        .map(|(_, share)| share)
        .collect();
    informations.sort_by(f64::total_cmp);
    entropies.sort_by(f64::total_cmp);
    let words: Vec<String> = informations
        .iter()
        .chain(&entropies)
        .map(f64::to_string)
        .collect();
    words.join(" ")
}
