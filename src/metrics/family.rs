//! One metric family of OpenMetrics 1.0: its name, its type, its samples.

use std::fmt::Write as _;

/// Types that are used here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A value that goes up and down.
    Gauge,
    /// A count since a start.
    Counter,
    /// Which one of several states.
    StateSet,
    /// Words that do not change while the program runs.
    Info,
}

impl Kind {
    const fn name(self) -> &'static str {
        match self {
            Self::Gauge => "gauge",
            Self::Counter => "counter",
            Self::StateSet => "stateset",
            Self::Info => "info",
        }
    }

    /// What the samples' names have behind the family's.
    const fn suffix(self) -> &'static str {
        match self {
            Self::Gauge | Self::StateSet => "",
            Self::Counter => "_total",
            Self::Info => "_info",
        }
    }
}

/// A metric family.
#[derive(Debug)]
pub struct Family {
    name: &'static str,
    kind: Kind,
    help: &'static str,
    samples: Vec<(String, f64)>,
}

impl Family {
    /// A family without samples.
    #[must_use]
    pub fn new(name: &'static str, kind: Kind, help: &'static str) -> Self {
        Self { name, kind, help, samples: Vec::new() }
    }

    /// The same with one more sample.
    #[must_use]
    pub fn sample(mut self, labels: &[(&str, &str)], value: f64) -> Self {
        let labels = labels.iter().map(|(name, value)| format!("{name}=\"{}\"", escaped(value)));
        let labels = labels.collect::<Vec<_>>().join(",");
        self.samples.push((if labels.is_empty() { labels } else { format!("{{{labels}}}") }, value));
        self
    }

    /// Appends its lines.
    pub fn write(&self, out: &mut String) {
        let Self { name, kind, help, samples } = self;
        // Writing to a String cannot fail.
        let _ = writeln!(out, "# TYPE {name} {}\n# HELP {name} {help}", kind.name());
        for (labels, value) in samples {
            let _ = writeln!(out, "{name}{}{labels} {value}", kind.suffix());
        }
    }
}

/// A label's value: backslash, quote and newline are written with a backslash before.
fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}
