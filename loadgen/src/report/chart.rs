//! Line charts as inline SVG: scales, ticks, lines, and what the page's script
//! needs to tell the values under the pointer. Knows nothing of runs; colours
//! are the page's (`--c1` … `--c8`).

use maud::{Markup, html};

use super::figure::digits;

const WIDTH: f64 = 960.0;
const HEIGHT: f64 = 330.0;
const LEFT: f64 = 66.0;
const RIGHT: f64 = 14.0;
const TOP: f64 = 12.0;
const BOTTOM: f64 = 42.0;

/// Colours the page has.
const COLOURS: usize = 8;

/// How values become places.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Scale {
    /// From zero, evenly.
    Linear,
    /// Each step a factor; what is not above zero has no place.
    Log,
}

/// The grid all lines of a chart share.
pub struct Across {
    /// The axis's name.
    pub label: &'static str,
    /// Where each point stands, ascending.
    pub places: Vec<f64>,
    /// What the point under the pointer is called.
    pub names: Vec<String>,
    /// Marks along the axis.
    pub ticks: Vec<(f64, String)>,
}

/// One line: a value for each place of the grid, or none.
pub struct Line {
    /// Its name in the legend.
    pub name: String,
    /// Its colour, 0 to 7.
    pub colour: usize,
    /// The values.
    pub values: Vec<Option<f64>>,
}

/// A chart.
pub struct Chart {
    /// The heading.
    pub title: &'static str,
    /// What a reader should know to read it.
    pub caption: String,
    /// Along the bottom.
    pub across: Across,
    /// How values rise.
    pub scale: Scale,
    /// Values as written at the ticks and under the pointer.
    pub written: fn(f64) -> String,
    /// The lines.
    pub lines: Vec<Line>,
}

/// A linear place or value between two bounds, as 0 to 1.
fn within(value: f64, (low, high): (f64, f64)) -> f64 {
    if high > low {
        (value - low) / (high - low)
    } else {
        0.5
    }
}

impl Chart {
    /// The chart as a figure; nothing when no line has a value.
    pub fn draw(&self) -> Markup {
        let values = self.lines.iter().flat_map(|line| &line.values);
        let values = values
            .copied()
            .flatten()
            .filter(|&value| self.has_place(value));
        let Some(rise) = Rise::new(self.scale, values) else {
            return html! {};
        };
        let places = &self.across.places;
        let ends = places.first().zip(places.last());
        let ends = ends.map_or((0.0, 1.0), |(&first, &last)| (first, last));
        let x = move |place| LEFT + within(place, ends) * (WIDTH - LEFT - RIGHT);
        let y = |value| HEIGHT - BOTTOM - rise.at(value) * (HEIGHT - TOP - BOTTOM);
        html! {
            figure.chart {
                figcaption { h3 { (self.title) } p.note { (self.caption) } (self.legend()) }
                div.plot {
                    svg viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } role="img" aria-label=(self.title)
                        data-x=(joined(places.iter().map(|&place| tenths(x(place)))))
                        data-names=(joined(self.across.names.iter().cloned())) {
                        @for &(value, strong) in &rise.ticks {
                            line.grid.strong[strong] x1=(LEFT) x2=(WIDTH - RIGHT) y1=(tenths(y(value))) y2=(tenths(y(value))) {}
                            @if strong {
                                text.tick x=(LEFT - 8.0) y=(tenths(y(value) + 4.0)) text-anchor="end" { ((self.written)(value)) }
                            }
                        }
                        @for (place, name) in &self.across.ticks {
                            line.grid x1=(tenths(x(*place))) x2=(tenths(x(*place))) y1=(TOP) y2=(HEIGHT - BOTTOM) {}
                            text.tick x=(tenths(x(*place))) y=(HEIGHT - BOTTOM + 17.0) text-anchor="middle" { (name) }
                        }
                        text.axis x=((LEFT + WIDTH - RIGHT) / 2.0) y=(HEIGHT - 6.0) text-anchor="middle" { (self.across.label) }
                        @for line in &self.lines {
                            path.line style={ "stroke:var(--c" (line.colour % COLOURS + 1) ")" }
                                data-name=(line.name) data-written=(joined(self.labels(line)))
                                d=(self.path(line, x, y)) {}
                        }
                        line.pointer y1=(TOP) y2=(HEIGHT - BOTTOM) {}
                    }
                    div.tip {}
                }
            }
        }
    }

    fn has_place(&self, value: f64) -> bool {
        value > 0.0 || self.scale == Scale::Linear && value == 0.0
    }

    fn legend(&self) -> Markup {
        html! {
            ul.legend {
                @for line in &self.lines {
                    li { i style={ "background:var(--c" (line.colour % COLOURS + 1) ")" } {} (line.name) }
                }
            }
        }
    }

    /// What the pointer tells of each point; empty where there is none.
    fn labels<'a>(&'a self, line: &'a Line) -> impl Iterator<Item = String> + 'a {
        let label = |value: &Option<f64>| value.map_or_else(String::new, self.written);
        line.values.iter().map(label)
    }

    /// The line, interrupted where a value has no place.
    fn path(&self, line: &Line, x: impl Fn(f64) -> f64, y: impl Fn(f64) -> f64) -> String {
        let mut path = String::new();
        let mut drawing = false;
        for (&place, &value) in self.across.places.iter().zip(&line.values) {
            let Some(value) = value.filter(|&value| self.has_place(value)) else {
                drawing = false;
                continue;
            };
            let (x, y) = (tenths(x(place)), tenths(y(value)));
            // A point by itself is a line of no length; its round end shows.
            path.push_str(&if drawing {
                format!("L{x} {y}")
            } else {
                format!("M{x} {y}h0")
            });
            drawing = true;
        }
        path
    }
}

/// A value axis: its ends and its ticks.
struct Rise {
    scale: Scale,
    ends: (f64, f64),
    /// Value, and whether it carries a label.
    ticks: Vec<(f64, bool)>,
}

impl Rise {
    /// An axis that holds all `values`; `None` when there is none.
    fn new(scale: Scale, values: impl Iterator<Item = f64>) -> Option<Rise> {
        let (low, high) = values.fold(None, |ends, value| match ends {
            None => Some((value, value)),
            Some((low, high)) => Some((value.min(low), value.max(high))),
        })?;
        Some(match scale {
            Scale::Linear => Rise::linear(high, 4.0),
            Scale::Log => Rise::log(low, high),
        })
    }

    /// From zero, with about `wanted` steps, not more.
    fn linear(high: f64, wanted: f64) -> Rise {
        let rough = if high > 0.0 { high / wanted } else { 0.25 };
        let decade = 10f64.powf(rough.log10().floor());
        let steps = [1.0, 2.0, 5.0, 10.0].map(|factor| factor * decade);
        let step = steps.into_iter().find(|&step| step >= rough);
        let step = step.unwrap_or(decade * 10.0);
        let count = (high / step).ceil().max(1.0);
        Rise {
            scale: Scale::Linear,
            ends: (0.0, count * step),
            ticks: (0..=count as u32)
                .map(|n| (f64::from(n) * step, true))
                .collect(),
        }
    }

    /// From tick to tick around both ends; with more than three decades only
    /// whole ones carry a label.
    fn log(low: f64, high: f64) -> Rise {
        let (first, last) = (low.log10().floor() as i32, high.log10().ceil() as i32);
        let steps = (first..=last).flat_map(|decade| {
            [1.0, 2.0, 5.0].map(|factor| (factor * 10f64.powi(decade), factor == 1.0))
        });
        let steps: Vec<(f64, bool)> = steps.collect();
        let from = steps.iter().rposition(|&(tick, _)| tick <= low);
        let to = steps.iter().position(|&(tick, _)| tick >= high);
        let from = from.unwrap_or(0);
        let to = to
            .unwrap_or(steps.len() - 1)
            .max(from + 1)
            .min(steps.len() - 1);
        let narrow = last - first <= 3;
        let ticks = steps[from..=to].iter();
        let ticks: Vec<(f64, bool)> = ticks
            .map(|&(tick, whole)| (tick, whole || narrow))
            .collect();
        Rise {
            scale: Scale::Log,
            ends: (steps[from].0, steps[to].0),
            ticks,
        }
    }

    /// Where a value stands, 0 to 1.
    fn at(&self, value: f64) -> f64 {
        match self.scale {
            Scale::Linear => within(value, self.ends),
            Scale::Log => within(value.ln(), (self.ends.0.ln(), self.ends.1.ln())),
        }
    }
}

fn tenths(place: f64) -> String {
    format!("{place:.1}")
}

/// Values for the script, which knows them apart by the bar.
fn joined(values: impl Iterator<Item = String>) -> String {
    values.collect::<Vec<_>>().join("|")
}

/// Ticks at round numbers from 0 to `last`, at most nine, as written.
pub fn even_ticks(last: f64) -> Vec<(f64, String)> {
    let rise = Rise::linear(last, 8.0);
    let ticks = rise.ticks.into_iter().map(|(value, _)| value);
    ticks
        .filter(|&value| value <= last)
        .map(|value| (value, digits(value)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chart(scale: Scale, values: Vec<Option<f64>>) -> String {
        let places: Vec<f64> = (0..values.len()).map(|place| place as f64).collect();
        let chart = Chart {
            title: "t",
            caption: String::new(),
            across: Across {
                label: "l",
                names: places.iter().map(f64::to_string).collect(),
                places,
                ticks: Vec::new(),
            },
            scale,
            written: digits,
            lines: vec![Line {
                name: "a<b".into(),
                colour: 9,
                values,
            }],
        };
        chart.draw().into_string()
    }

    fn path(svg: &str) -> &str {
        let (_, path) = svg.split_once(" d=\"").expect("a path");
        path.split('"').next().unwrap()
    }

    #[test]
    fn a_gap_interrupts_the_line() {
        let svg = chart(Scale::Linear, vec![Some(0.0), Some(4.0), None, Some(4.0)]);
        assert_eq!(path(&svg), "M66.0 288.0h0L359.3 12.0M946.0 12.0h0");
    }

    #[test]
    fn zero_has_no_place_on_a_log_scale() {
        let svg = chart(Scale::Log, vec![Some(0.0), Some(10.0), Some(100.0)]);
        assert_eq!(path(&svg), "M506.0 288.0h0L946.0 12.0");
    }

    #[test]
    fn nothing_to_draw_draws_nothing() {
        assert_eq!(chart(Scale::Log, vec![None, Some(0.0)]), "");
        assert_eq!(chart(Scale::Linear, vec![]), "");
    }

    #[test]
    fn names_are_escaped_and_colours_start_over() {
        let svg = chart(Scale::Linear, vec![Some(1.0)]);
        assert!(svg.contains("a&lt;b") && !svg.contains("a<b"), "{svg}");
        assert!(svg.contains("var(--c2)"), "{svg}");
    }

    #[test]
    fn ticks_are_round_and_hold_all_values() {
        let values = |rise: &Rise| -> Vec<f64> { rise.ticks.iter().map(|tick| tick.0).collect() };
        assert_eq!(
            values(&Rise::linear(4900.0, 4.0)),
            [0.0, 2000.0, 4000.0, 6000.0]
        );
        assert_eq!(values(&Rise::linear(0.0, 4.0)), [0.0, 0.5]);
        assert_eq!(
            values(&Rise::log(3.0, 180.0)),
            [2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0]
        );
        assert_eq!(values(&Rise::log(10.0, 10.0)), [10.0, 20.0]);
        for high in [0.001, 1.0, 7.0, 99.0, 1e9] {
            assert!(Rise::linear(high, 4.0).ends.1 >= high);
            let log = Rise::log(high / 3.0, high);
            assert!(log.at(high) <= 1.0 && log.at(high / 3.0) >= 0.0);
        }
    }
}
