//! One XML element, its attributes taken one by one; what nobody took is not
//! supported and is said so.

use roxmltree::Node;

use crate::scenario::problem::Problems;

/// An element, and which of its attributes were asked for.
pub struct Element<'a, 'input> {
    /// The element.
    pub node: Node<'a, 'input>,
    /// Its line.
    pub line: u32,
    asked: Vec<&'static str>,
}

/// The line of `node`.
pub fn line_of(node: Node<'_, '_>) -> u32 {
    node.document().text_pos_at(node.range().start).row
}

impl<'a, 'input> Element<'a, 'input> {
    /// The element with nothing asked for.
    pub fn new(node: Node<'a, 'input>) -> Element<'a, 'input> {
        Element {
            node,
            line: line_of(node),
            asked: Vec::new(),
        }
    }

    /// Its name.
    pub fn name(&self) -> &'a str {
        self.node.tag_name().name()
    }

    /// An attribute as it stands.
    pub fn text(&mut self, name: &'static str) -> Option<&'a str> {
        self.asked.push(name);
        self.node.attribute(name)
    }

    /// An attribute that must be there.
    pub fn needed(&mut self, name: &'static str, problems: &mut Problems) -> Option<&'a str> {
        let value = self.text(name);
        if value.is_none() {
            problems.refuse(self.line, format!("<{}> lacks {name}", self.name()));
        }
        value
    }

    /// Allows attributes that have no effect here.
    pub fn ignore(&mut self, names: &[&'static str]) {
        self.asked.extend_from_slice(names);
    }

    /// A number.
    pub fn number(&mut self, name: &'static str, problems: &mut Problems) -> Option<f64> {
        let text = self.text(name)?;
        let number = text.trim().parse().ok().filter(|n: &f64| n.is_finite());
        if number.is_none() {
            self.refuse_value(name, text, "a number", problems);
        }
        number
    }

    /// `true` or `false`; false without one.
    pub fn flag(&mut self, name: &'static str, problems: &mut Problems) -> bool {
        match self.text(name) {
            Some("true") => true,
            None | Some("false") => false,
            Some(text) => {
                self.refuse_value(name, text, "true or false", problems);
                false
            }
        }
    }

    /// Says that an attribute is not what it must be.
    pub fn refuse_value(&self, name: &str, text: &str, wanted: &str, problems: &mut Problems) {
        problems.refuse(
            self.line,
            format!("<{} {name}={text:?}> is not {wanted}", self.name()),
        );
    }

    /// Names the attributes nobody asked for.
    pub fn finish(self, problems: &mut Problems) {
        for attribute in self.node.attributes() {
            let name = attribute.name();
            if !self.asked.contains(&name) {
                let document = self.node.document();
                let line = document.text_pos_at(attribute.range().start).row;
                let text = format!("<{} {name}=…> is not supported", self.name());
                problems.refuse(line, text);
            }
        }
    }
}
