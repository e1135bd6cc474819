//! Windows as the benchmark writes them: a line with the number of tasks and the metrics' names, then a number for each
//! task and metric, row by row, 64 bits little-endian, NaN where a task lacks the metric.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::mem::size_of;

pub struct Window {
    names: Vec<String>,
    values: Vec<f64>,
}

impl Window {
    pub fn tasks(&self) -> usize {
        self.values.len() / self.names.len()
    }

    /// The metrics that a task has, as the crate takes them.
    pub fn metrics(&self, task: usize) -> Vec<(String, f64)> {
        let row = &self.values[task * self.names.len()..][..self.names.len()];
        let pairs = self
            .names
            .iter()
            .zip(row)
            .filter(|(_, value)| !value.is_nan());
        pairs.map(|(name, value)| (name.clone(), *value)).collect()
    }
}

pub fn read(path: &str) -> io::Result<Vec<Window>> {
    let mut file = BufReader::new(File::open(path)?);
    let mut windows = Vec::new();
    let mut head = String::new();
    while file.read_line(&mut head)? > 0 {
        let mut words = head.split_whitespace();
        let tasks: usize = words
            .next()
            .and_then(|word| word.parse().ok())
            .expect("a window begins with a number");
        let names: Vec<String> = words.map(str::to_owned).collect();
        let mut bytes = vec![0; tasks * names.len() * size_of::<f64>()];
        file.read_exact(&mut bytes)?;
        let values = bytes
            .chunks_exact(8)
            .map(|each| f64::from_le_bytes(each.try_into().unwrap()))
            .collect();
        windows.push(Window { names, values });
        head.clear();
    }
    Ok(windows)
}
