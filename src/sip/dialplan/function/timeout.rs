//! `TIMEOUT(absolute|digit|response)`: how long the call may take, and how
//! long it waits to be told where to go. Seconds, with fractions.

use core::time::Duration;

use super::super::course::Course;
use super::super::inquiry::Inquiry;
use super::super::state::Scope;
use super::super::step::Step;

/// Which of them: the first letter counts.
enum Which {
    Absolute,
    Digit,
    Response,
}

fn which(arguments: &str) -> Option<Which> {
    match arguments.trim().bytes().next()?.to_ascii_lowercase() {
        b'a' => Some(Which::Absolute),
        b'd' => Some(Which::Digit),
        b'r' => Some(Which::Response),
        _ => None,
    }
}

/// What is left of the absolute one, `0` if there is none.
pub(super) fn read(scope: &Scope<'_>, arguments: &str) -> String {
    let none = Course::default();
    let course = scope.state.course.as_deref().unwrap_or(&none);
    let time = match which(arguments) {
        None => return String::new(),
        Some(Which::Digit) => course.digit,
        Some(Which::Response) => course.response,
        Some(Which::Absolute) => match course.absolute {
            None => return "0".into(),
            Some(at) => at.since(scope.now()),
        },
    };
    format!("{:.3}", time.as_secs_f64())
}

/// From now on. None, and no absolute one, at 0 and at what is no number.
pub(super) fn write(step: &mut Step<'_>, arguments: &str, value: &str) -> Option<Inquiry> {
    let number: f64 = leading(value).parse().unwrap_or(0.0);
    let time = Duration::try_from_secs_f64(number).unwrap_or_default();
    let now = step.now();
    match which(arguments) {
        Some(Which::Absolute) => {
            step.state.course().absolute = (!time.is_zero()).then_some(now + time);
        }
        Some(Which::Digit) => step.state.course().digit = time,
        Some(Which::Response) => step.state.course().response = time,
        None => step.warn("arguments", || {
            "TIMEOUT is absolute, digit or response".into()
        }),
    }
    None
}

/// The number a text begins with.
fn leading(text: &str) -> &str {
    let text = text.trim_start();
    let end = text.find(|character: char| !matches!(character, '0'..='9' | '.' | '-' | '+'));
    text.get(..end.unwrap_or(text.len())).unwrap_or_default()
}
