//! A contract as plain data, and its text form.

use std::{fmt, str::FromStr};

/// All structs of a contract, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Model {
    /// Sorted by name.
    pub structs: Vec<Struct>,
}

/// One struct or table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Struct {
    /// Its name, without a path: where a type was defined is no part of the contract.
    pub name: String,
    /// In bytes.
    pub size: usize,
    /// In bytes.
    pub align: usize,
    /// In order.
    pub fields: Vec<Field>,
}

/// One field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// From the start of the struct, in bytes.
    pub offset: usize,
    /// In bytes.
    pub size: usize,
    /// Its type; a function with all its parameters.
    pub kind: String,
}

impl Model {
    /// The struct of this name.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&Struct> {
        self.structs.iter().find(|found| found.name == name)
    }
}

impl Struct {
    /// Whether it must never change, not even by an append: what carries no size, and the prefix.
    #[must_use]
    pub fn is_frozen(&self) -> bool {
        let sized = |field: &Field| field.name == "struct_size" || field.kind == "Prefix";
        self.name == "Prefix" || !self.fields.first().is_some_and(sized)
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "\"{}: {}\" ({} bytes at {})",
            self.name, self.kind, self.size, self.offset
        )
    }
}

impl fmt::Display for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, found) in self.structs.iter().enumerate() {
            if at > 0 {
                writeln!(f)?;
            }
            writeln!(
                f,
                "struct {} size {} align {}",
                found.name, found.size, found.align
            )?;
            for field in &found.fields {
                writeln!(
                    f,
                    "  {:>3} {:>3} {}: {}",
                    field.offset, field.size, field.name, field.kind
                )?;
            }
        }
        Ok(())
    }
}

/// A line that is no part of a golden layout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseError {
    line: usize,
    found: String,
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { line, found } = self;
        write!(
            f,
            "line {line}: expected \"struct NAME size N align N\" or \"OFFSET SIZE NAME: TYPE\", found {found:?}"
        )
    }
}

impl std::error::Error for ParseError {}

impl FromStr for Model {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let mut structs: Vec<Struct> = Vec::new();
        for (at, line) in text
            .lines()
            .enumerate()
            .filter(|(_, line)| !line.trim().is_empty())
        {
            let wrong = || ParseError {
                line: at + 1,
                found: line.to_owned(),
            };
            match parse_struct(line) {
                Some(found) => structs.push(found),
                None => {
                    let field = parse_field(line).ok_or_else(wrong)?;
                    structs.last_mut().ok_or_else(wrong)?.fields.push(field);
                }
            }
        }
        Ok(Self { structs })
    }
}

fn parse_struct(line: &str) -> Option<Struct> {
    let (name, rest) = line.strip_prefix("struct ")?.split_once(" size ")?;
    let (size, align) = rest.split_once(" align ")?;
    Some(Struct {
        name: name.to_owned(),
        size: size.parse().ok()?,
        align: align.parse().ok()?,
        fields: Vec::new(),
    })
}

fn parse_field(line: &str) -> Option<Field> {
    let (offset, rest) = line.trim_start().split_once(' ')?;
    let (size, rest) = rest.trim_start().split_once(' ')?;
    let (name, kind) = rest.split_once(": ")?;
    Some(Field {
        name: name.to_owned(),
        offset: offset.parse().ok()?,
        size: size.parse().ok()?,
        kind: kind.to_owned(),
    })
}
