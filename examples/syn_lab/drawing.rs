//! The share that was found against the rate, as an SVG.

use std::fmt::Write as _;

const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 360.0;
const LEFT: f64 = 60.0;
const RIGHT: f64 = 110.0;
const TOP: f64 = 20.0;
const BOTTOM: f64 = 50.0;
const COLOURS: [&str; 2] = ["#c0392b", "#2471a3"];

/// Draws lines of points (rate, share); rates on a logarithmic scale, shares from the smallest
/// tenth that there is up to 1.
pub(crate) fn draw(lines: &[(&str, Vec<(f64, f64)>)]) -> String {
    let points = || lines.iter().flat_map(|(_, points)| points.iter().copied());
    let fold = |start, with: fn(f64, f64) -> f64| points().map(|(rate, _)| rate).fold(start, with);
    let (slowest, fastest) = (fold(f64::INFINITY, f64::min), fold(1.0, f64::max));
    let least = points().map(|(_, share)| share).fold(0.9, f64::min);
    let floor = (least * 10.0).floor() / 10.0;
    let x = |rate: f64| {
        let span = (fastest / slowest).ln().max(f64::EPSILON);
        LEFT + (rate / slowest).ln() / span * (WIDTH - LEFT - RIGHT)
    };
    let y = |share: f64| {
        HEIGHT - BOTTOM - (share.min(1.0) - floor) / (1.0 - floor) * (HEIGHT - TOP - BOTTOM)
    };

    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" \
         font-family=\"sans-serif\" font-size=\"12\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n"
    );
    // Writing to a string cannot fail.
    for step in 0..=5 {
        let share = floor + (1.0 - floor) * f64::from(step) / 5.0;
        let (from, to, at) = (LEFT, WIDTH - RIGHT, y(share));
        let _ = writeln!(svg, "<path d=\"M{from} {at:.1}H{to}\" stroke=\"#ddd\"/>");
        let percent = 100.0 * share;
        let _ = writeln!(
            svg,
            "<text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{percent:.0} %</text>",
            LEFT - 8.0,
            at + 4.0
        );
    }
    for (rate, _) in lines
        .first()
        .map(|(_, points)| points.as_slice())
        .unwrap_or_default()
    {
        let (at, down) = (x(*rate), HEIGHT - BOTTOM + 18.0);
        let label = rate / 1000.0;
        let _ = writeln!(
            svg,
            "<text x=\"{at:.1}\" y=\"{down}\" text-anchor=\"middle\">{label} k</text>"
        );
    }
    let (middle, down) = ((LEFT + WIDTH - RIGHT) / 2.0, HEIGHT - 12.0);
    let _ = writeln!(
        svg,
        "<text x=\"{middle}\" y=\"{down}\" text-anchor=\"middle\">probes a second</text>"
    );
    for ((name, points), colour) in lines.iter().zip(COLOURS) {
        let path: Vec<_> = points
            .iter()
            .map(|(rate, share)| format!("{:.1},{:.1}", x(*rate), y(*share)))
            .collect();
        let _ = writeln!(
            svg,
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>",
            path.join(" ")
        );
        for (rate, share) in points {
            let _ = writeln!(
                svg,
                "<circle cx=\"{:.1}\" cy=\"{:.1}\" r=\"3\" fill=\"{colour}\"/>",
                x(*rate),
                y(*share)
            );
        }
        if let Some((rate, share)) = points.last() {
            let (at, up) = (x(*rate) + 8.0, y(*share) + 4.0);
            let _ = writeln!(
                svg,
                "<text x=\"{at:.1}\" y=\"{up:.1}\" fill=\"{colour}\">{name}</text>"
            );
        }
    }
    svg + "</svg>\n"
}
