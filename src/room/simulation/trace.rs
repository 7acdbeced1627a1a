//! What happens in a run, told line by line to whoever wants to know.

/// Where the lines go.
#[derive(Debug, Default)]
pub(super) enum Trace {
    /// Nowhere; they are not even made.
    #[default]
    Off,
    /// To the terminal.
    Printed,
    /// Into memory.
    Kept(Vec<String>),
}

impl Trace {
    pub(super) const fn kept() -> Self {
        Self::Kept(Vec::new())
    }

    pub(super) const fn is_on(&self) -> bool {
        !matches!(self, Self::Off)
    }

    pub(super) fn say(&mut self, line: impl FnOnce() -> String) {
        match self {
            Self::Off => {}
            Self::Printed => eprintln!("{}", line()),
            Self::Kept(lines) => lines.push(line()),
        }
    }

    pub(super) fn lines(self) -> Vec<String> {
        if let Self::Kept(lines) = self { lines } else { Vec::new() }
    }
}
