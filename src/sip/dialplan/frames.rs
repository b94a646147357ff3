//! The subroutines and loops a call is inside of, and what local variables
//! hide.
//!
//! It owns the way back and the values that come back with it; how one is
//! entered is its application's matter.

use smol_str::{SmolStr, format_smolstr};

use super::position::Position;
use super::step::{App, Ending, Event, Next, Step};
use super::variables::{Full, Variables, bare};

/// Bytes of frames and hidden values one call may hold. A plan that calls
/// itself without end meets this bound.
const ROOM_BYTES: usize = 64 << 10;

/// What one frame takes beside its texts.
const FRAME_BYTES: usize = size_of::<Frame>();

/// What one hidden variable takes beside its texts.
const HIDDEN_BYTES: usize = size_of::<Hidden>();

/// How a frame was entered, and so how it is left.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    /// `Gosub`: until `Return`. It set `ARG1` up to this.
    Gosub(usize),
    /// `Macro`: until its priorities run out, or a jump leads out of its
    /// context.
    Macro(SmolStr),
}

/// A subroutine at work: where it was called, and what it hides.
pub(super) struct Frame {
    pub(super) kind: Kind,
    /// Where it was called.
    pub(super) position: Position,
    hidden: Vec<Hidden>,
    /// What called it in the middle of its work, and goes on with `Timer`.
    caller: Option<Box<dyn App>>,
}

/// The most loops a call may be inside of.
const LOOPS: usize = 128;

/// A variable the frame has one of its own of.
#[derive(Debug)]
struct Hidden {
    name: SmolStr,
    /// The underscores and the value it had; nothing if it was not set.
    before: Option<(&'static str, Box<str>)>,
}

impl Hidden {
    fn bytes(&self) -> usize {
        let before = self.before.as_ref().map_or(0, |(_, value)| value.len());
        HIDDEN_BYTES + self.name.len() + before
    }
}

/// The frames of a call, the innermost last.
#[derive(Default)]
pub(super) struct Frames {
    stack: Vec<Frame>,
    /// The `While`s whose `EndWhile` may come, the innermost last.
    loops: Vec<Position>,
    /// The run ends when the outermost frame is left.
    pub(super) routine: bool,
    bytes: usize,
}

impl Frames {
    /// Those of a run that ends when the outermost of them is left.
    pub(super) fn of_routine() -> Frames {
        Frames {
            routine: true,
            ..Frames::default()
        }
    }

    /// The innermost frame.
    pub(super) fn top(&self) -> Option<&Frame> {
        self.stack.last()
    }

    /// The outermost frame.
    pub(super) fn bottom(&self) -> Option<&Frame> {
        self.stack.first()
    }

    /// How many macros the call is inside of.
    pub(super) fn macros(&self) -> usize {
        let is_macro = |frame: &&Frame| matches!(frame.kind, Kind::Macro(_));
        self.stack.iter().filter(is_macro).count()
    }

    /// Enters a loop; one whose `While` comes again is the same.
    pub(super) fn open_loop(&mut self, of: Position) -> Result<(), Full> {
        if self.loops.contains(&of) {
            return Ok(());
        }
        if self.loops.len() == LOOPS {
            return Err(Full);
        }
        self.loops.push(of);
        Ok(())
    }

    /// The innermost loop.
    pub(super) fn innermost_loop(&self) -> Option<&Position> {
        self.loops.last()
    }

    /// Leaves a loop.
    pub(super) fn close_loop(&mut self, of: &Position) {
        self.loops.retain(|open| open != of);
    }

    fn push(&mut self, frame: Frame) -> Result<(), Full> {
        let bytes = self.bytes + FRAME_BYTES;
        if bytes > ROOM_BYTES {
            return Err(Full);
        }
        self.bytes = bytes;
        self.stack.push(frame);
        Ok(())
    }

    /// Gives the innermost frame a variable of its own; its value is still the
    /// one it hides. Nothing happens if it has one.
    fn hide(&mut self, variables: &Variables, name: &str) -> Result<(), Full> {
        let name = bare(name);
        let Some(frame) = self.stack.last_mut() else {
            return Ok(());
        };
        if frame.owns(name) {
            return Ok(());
        }
        let before = variables.whole(name);
        let hidden = Hidden {
            name: name.into(),
            before: before.map(|(underscores, value)| (underscores, value.into())),
        };
        let bytes = self.bytes + hidden.bytes();
        if bytes > ROOM_BYTES {
            return Err(Full);
        }
        self.bytes = bytes;
        frame.hidden.push(hidden);
        Ok(())
    }

    fn pop(&mut self) -> Option<Frame> {
        let frame = self.stack.pop()?;
        let hidden: usize = frame.hidden.iter().map(Hidden::bytes).sum();
        self.bytes -= FRAME_BYTES + hidden;
        Some(frame)
    }

    /// The values of a variable that frames hide, the innermost first.
    pub(super) fn hidden(&self, name: &str) -> impl Iterator<Item = &str> {
        let frames = self.stack.iter().rev();
        let of_name = frames.flat_map(|frame| frame.hidden.iter());
        let values = of_name.filter(move |hidden| hidden.name == bare(name));
        values.filter_map(|hidden| hidden.before.as_ref().map(|(_, value)| &**value))
    }
}

impl Frame {
    /// Whether it has a variable of its own of that name.
    pub(super) fn owns(&self, name: &str) -> bool {
        let name = bare(name);
        self.hidden.iter().any(|hidden| hidden.name == name)
    }
}

impl Step<'_> {
    /// The innermost frame.
    pub(super) fn frame(&self) -> Option<&Frame> {
        self.state.frames.as_deref()?.top()
    }

    /// Enters a frame called from where the call stands. Without room for it
    /// the plan calls itself without end: the operator is told where.
    pub(super) fn enter(&mut self, kind: Kind) -> Result<(), Full> {
        let frame = Frame {
            kind,
            position: self.state.position.clone(),
            hidden: Vec::new(),
            caller: None,
        };
        let entered = self.state.frames.get_or_insert_default().push(frame);
        entered.inspect_err(|_| self.warn_of_depth())
    }

    /// Sets a variable of the innermost frame, which hides that of the frames
    /// around it.
    pub(super) fn set_local(&mut self, name: &str, value: &str) {
        let variables = &self.state.variables;
        let frames = self.state.frames.as_deref_mut();
        match frames.map_or(Ok(()), |frames| frames.hide(variables, name)) {
            Ok(()) => self.set(name, value),
            Err(Full) => self.warn_of_depth(),
        }
    }

    /// Sets an argument of the innermost frame, the first being `ARG1`.
    pub(super) fn set_argument(&mut self, number: usize, value: &str) {
        const FEW: [&str; 9] = [
            "ARG1", "ARG2", "ARG3", "ARG4", "ARG5", "ARG6", "ARG7", "ARG8", "ARG9",
        ];
        match FEW.get(number.wrapping_sub(1)) {
            Some(name) => self.set_local(name, value),
            None => self.set_local(&format_smolstr!("ARG{number}"), value),
        }
    }

    /// Leaves the innermost frame: what it hid is back. The call stays where it
    /// is.
    pub(super) fn leave(&mut self) -> Option<Frame> {
        let mut frame = self.state.frames.as_mut()?.pop()?;
        for hidden in frame.hidden.drain(..).rev() {
            self.state.variables.remove(&hidden.name);
            if let Some((underscores, value)) = hidden.before {
                self.set(&[underscores, &hidden.name].concat(), &value);
            }
        }
        Some(frame)
    }

    /// Goes back to where a frame was entered.
    pub(super) fn go_back(&mut self, frame: Frame) -> Next {
        self.state.position = frame.position;
        match frame.caller {
            Some(app) => app.step(self, Event::Timer),
            None => Next::Continue,
        }
    }

    /// The application at work goes on when the innermost frame is left.
    pub(super) fn called_by(&mut self, app: Box<dyn App>) {
        let frames = self.state.frames.as_deref_mut();
        if let Some(frame) = frames.and_then(|frames| frames.stack.last_mut()) {
            frame.caller = Some(app);
        }
    }

    /// How many frames the call is inside of.
    pub(super) fn depth(&self) -> usize {
        let frames = self.state.frames.as_ref();
        frames.map_or(0, |frames| frames.stack.len())
    }

    /// The application that would go on when the innermost frame is left; nobody
    /// does any more.
    pub(super) fn take_caller(&mut self) -> Option<Box<dyn App>> {
        let frames = self.state.frames.as_deref_mut()?;
        frames.stack.last_mut()?.caller.take()
    }

    /// Goes back to the application that called the innermost frame, if one did.
    pub(super) fn leave_called(&mut self) -> Option<Next> {
        self.frame()?.caller.as_ref()?;
        let frame = self.leave()?;
        let back = self.go_back(frame);
        Some(self.after_leaving(back))
    }

    /// What follows, now that a frame has been left: a routine ends with its
    /// outermost one.
    pub(super) fn after_leaving(&self, next: Next) -> Next {
        let frames = self.state.frames.as_ref();
        match frames.is_some_and(|frames| frames.routine && frames.stack.is_empty()) {
            true => Next::End(Ending::Returned),
            false => next,
        }
    }

    /// A routine ends without `Return`: its channel goes on as if it had
    /// returned nothing.
    pub(super) fn fall_out_of_routine(&mut self) -> Next {
        while self.leave().is_some() {}
        self.set("GOSUB_RETVAL", "");
        Next::End(Ending::Returned)
    }

    /// Leaves the macros whose contexts the call is not in any more.
    pub(super) fn leave_macros_behind(&mut self) -> Next {
        while let Some(Kind::Macro(context)) = self.frame().map(|frame| &frame.kind)
            && context != self.state.position.context()
        {
            self.leave();
        }
        self.after_leaving(Next::Continue)
    }

    /// Goes back to the callers of the macros a call that ends is inside of:
    /// its `h` extension is theirs.
    pub(super) fn abandon_macros(&mut self) {
        while let Some(Kind::Macro(context)) = self.frame().map(|frame| &frame.kind)
            && context == self.state.position.context()
        {
            if let Some(frame) = self.leave() {
                self.go_back(frame);
            }
        }
    }

    fn warn_of_depth(&mut self) {
        let at = self.here();
        self.warn("subroutines-full", || {
            format!("{at}: subroutines nest too deeply; there is no room for another")
        });
    }
}
