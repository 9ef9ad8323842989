//! The report's plot: bars of tokens per CPU second, ours and the peers', and latencies by connections, as one SVG.

use std::fmt::Write as _;

const WIDTH: f64 = 900.0;
const BAR: f64 = 22.0;
const LEFT: f64 = 330.0;
const RIGHT: f64 = 90.0;
const PLOT: f64 = 220.0;

/// Bars of `(name, value)`, and lines of `(name, [(connections, milliseconds)])` on logarithmic axes.
pub(super) fn svg(bars: &[(String, f64)], lines: &[(&str, Vec<(f64, f64)>)]) -> String {
    let top = 40.0 + bars.len() as f64 * BAR + 40.0;
    let height = top + PLOT + 70.0;
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n\
         <text x=\"10\" y=\"20\" font-size=\"14\">VIHF par seconde de processeur (RSA 2048)</text>\n"
    );
    let most = bars.iter().map(|(_, value)| *value).fold(1.0, f64::max);
    for (at, (name, value)) in bars.iter().enumerate() {
        let (y, len) = (40.0 + at as f64 * BAR, value / most * (WIDTH - LEFT - RIGHT));
        let fill = if name.starts_with("Sceau") { "#1f6f8b" } else { "#b0b7bf" };
        let _ = writeln!(
            out,
            "<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text><rect x=\"{LEFT}\" y=\"{y}\" width=\"{len:.1}\" height=\"{}\" fill=\"{fill}\"/><text x=\"{:.1}\" y=\"{}\">{value:.0}</text>",
            LEFT - 8.0,
            y + 14.0,
            escaped(name),
            BAR - 6.0,
            LEFT + len + 6.0,
            y + 14.0
        );
    }
    let _ = writeln!(
        out,
        "<text x=\"10\" y=\"{}\" font-size=\"14\">Latence en ms selon les connexions, boucle fermée</text>",
        top
    );
    let points = || lines.iter().flat_map(|(_, line)| line);
    let range = |of: fn(&(f64, f64)) -> f64| {
        let values = || points().map(of).filter(|value| *value > 0.0).map(f64::log10);
        (values().fold(f64::INFINITY, f64::min), values().fold(f64::NEG_INFINITY, f64::max))
    };
    let (x_range, y_range) = (range(|p| p.0), range(|p| p.1));
    let place = |value: f64, (low, high): (f64, f64), from: f64, to: f64| {
        from + (value.max(1e-9).log10() - low) / (high - low).max(1e-9) * (to - from)
    };
    let (low, high) = (top + 20.0 + PLOT, top + 20.0);
    for ((name, line), colour) in lines.iter().zip(["#1f6f8b", "#c26a2d", "#8a2432"]) {
        let at = |(x, y): &(f64, f64)| (place(*x, x_range, 60.0, WIDTH - 160.0), place(*y, y_range, low, high));
        let path: Vec<String> = line.iter().map(at).map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
        let _ = writeln!(
            out,
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>",
            path.join(" ")
        );
        for point in line {
            let (x, y) = at(point);
            let _ = writeln!(
                out,
                "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\" fill=\"{colour}\"/><text x=\"{x:.1}\" y=\"{:.1}\" font-size=\"10\" text-anchor=\"middle\">{:.1}</text>",
                y - 6.0,
                point.1
            );
        }
        if let Some(last) = line.last() {
            let (x, y) = at(last);
            let _ = writeln!(
                out,
                "<text x=\"{:.1}\" y=\"{:.1}\" fill=\"{colour}\">{}</text>",
                x + 12.0,
                y + 4.0,
                escaped(name)
            );
        }
    }
    if let Some((_, line)) = lines.first() {
        for (connections, _) in line {
            let _ = writeln!(
                out,
                "<text x=\"{:.1}\" y=\"{}\" text-anchor=\"middle\">{connections:.0}</text>",
                place(*connections, x_range, 60.0, WIDTH - 160.0),
                low + 20.0
            );
        }
    }
    out.push_str("</svg>\n");
    out
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}
