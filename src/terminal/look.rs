//! Colours: which there are, and whose name bears which.
//!
//! `NO_COLOR` turns them off; bold, dim and reversed stay, for they are no colours.

use ratatui::style::{Color, Modifier, Style};

/// How things look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Look {
    colours: Colours,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Colours {
    None,
    /// The terminal's own eight.
    Few,
    /// 256.
    Many,
}

/// Of the 256 colours, those that have a contrast of at least 3 to 1 with black and with white.
const MANY: [u8; 24] = [
    27, 31, 32, 33, 62, 65, 66, 67, 68, 69, 97, 98, 99, 130, 131, 132, 133, 134, 161, 162, 166,
    167, 168, 169,
];

/// Without black, white and red, which stands for trouble.
const FEW: [Color; 5] = [Color::Green, Color::Yellow, Color::Blue, Color::Magenta, Color::Cyan];

impl Look {
    /// By the environment, given as a function from a variable's name to its value.
    pub(super) fn new(variable: impl Fn(&str) -> Option<String>) -> Look {
        let is_set = |name| variable(name).is_some_and(|value| !value.is_empty());
        let terminal = variable("TERM").unwrap_or_default();
        let colours = if is_set("NO_COLOR") || terminal == "dumb" {
            Colours::None
        } else if is_set("COLORTERM") || terminal.contains("256") || terminal.contains("kitty") {
            Colours::Many
        } else {
            Colours::Few
        };
        Look { colours }
    }

    /// No colours at all.
    #[cfg(test)]
    pub(super) fn plain() -> Look {
        Look { colours: Colours::None }
    }

    /// A name, always in the same colour, whatever its case.
    pub(super) fn name(self, name: &str) -> Style {
        // FNV-1a.
        let hash = name.to_lowercase().bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3)
        });
        let pick = |count: usize| usize::try_from(hash >> 32).unwrap_or_default() % count;
        match self.colours {
            Colours::None => Style::new(),
            Colours::Few => Style::new().fg(FEW[pick(FEW.len())]),
            Colours::Many => Style::new().fg(Color::Indexed(MANY[pick(MANY.len())])),
        }
    }

    /// What is less important: times, who comes and goes.
    pub(super) fn faint(self) -> Style {
        Style::new().add_modifier(Modifier::DIM)
    }

    /// What went wrong.
    pub(super) fn trouble(self) -> Style {
        self.coloured(Color::Red)
    }

    /// What was said in private.
    pub(super) fn private(self) -> Style {
        self.coloured(Color::Magenta).add_modifier(Modifier::BOLD)
    }

    /// The line above what is new.
    pub(super) fn fresh(self) -> Style {
        self.coloured(Color::Red).add_modifier(Modifier::BOLD)
    }

    /// The status line.
    pub(super) fn status(self) -> Style {
        Style::new().add_modifier(Modifier::REVERSED)
    }

    fn coloured(self, colour: Color) -> Style {
        match self.colours {
            Colours::None => Style::new(),
            Colours::Few | Colours::Many => Style::new().fg(colour),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(variables: &[(&str, &str)]) -> Look {
        Look::new(|name| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn the_environment_says_how_many_colours() {
        for (variables, colours) in [
            (&[("TERM", "xterm-256color")][..], Colours::Many),
            (&[("TERM", "xterm"), ("COLORTERM", "truecolor")], Colours::Many),
            (&[("TERM", "linux")], Colours::Few),
            (&[("TERM", "xterm-256color"), ("NO_COLOR", "1")], Colours::None),
            (&[("TERM", "screen-256color"), ("NO_COLOR", "")], Colours::Many),
            (&[("TERM", "dumb")], Colours::None),
        ] {
            assert_eq!(look(variables).colours, colours, "{variables:?}");
        }
    }

    #[test]
    fn a_name_keeps_its_colour() {
        let look = look(&[("TERM", "xterm-256color")]);
        assert_eq!(look.name("Alice"), look.name("aLICE"));
        assert_ne!(look.name("Alice"), look.name("Bob"));
        assert_eq!(Look::plain().name("Alice"), Style::new());
    }

    /// The relative luminance of WCAG 2.1.
    fn luminance(index: u8) -> f64 {
        let index = index - 16;
        let part = |level: u8| {
            let value = if level == 0 { 0 } else { 55 + 40 * level };
            let value = f64::from(value) / 255.0;
            if value <= 0.03928 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * part(index / 36) + 0.7152 * part(index / 6 % 6) + 0.0722 * part(index % 6)
    }

    #[test]
    fn names_can_be_read_on_black_and_on_white() {
        for index in MANY {
            let luminance = luminance(index);
            let (on_black, on_white) = ((luminance + 0.05) / 0.05, 1.05 / (luminance + 0.05));
            assert!(on_black >= 3.0 && on_white >= 3.0, "{index}: {on_black} {on_white}");
        }
    }
}
