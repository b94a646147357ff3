//! What of a line is comment. It keeps the blocks that are open from line to
//! line, and knows nothing else of the file.

/// Comments: `; to the end`, and `;-- blocks --;` that nest and span lines.
#[derive(Default)]
pub(super) struct Comments {
    /// The lines that opened the blocks we are in.
    open: Vec<u32>,
}

impl Comments {
    /// The line without its comments, `\;` being a semicolon.
    pub(super) fn strip(&mut self, line: &str, number: u32) -> String {
        let mut kept = String::new();
        let mut rest = line;
        while let Some(at) = rest.find(';') {
            let (before, after) = (&rest[..at], &rest[at + 1..]);
            let opens = after.starts_with("--") && !after.starts_with("---");
            rest = after;
            if let Some(before) = before.strip_suffix('\\') {
                if self.open.is_empty() {
                    kept.push_str(before);
                    kept.push(';');
                }
                continue;
            }
            if self.open.is_empty() {
                kept.push_str(before);
                if !opens {
                    return kept;
                }
            }
            if opens {
                self.open.push(number);
                rest = &after[2..];
            } else if before.ends_with("--") {
                self.open.pop();
            }
        }
        if self.open.is_empty() {
            kept.push_str(rest);
        }
        kept
    }

    /// The line that opened the innermost block that is still open.
    pub(super) fn unclosed(&self) -> Option<u32> {
        self.open.last().copied()
    }
}
