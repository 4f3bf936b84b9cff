//! Yesterday's contract against today's: which rule of the ABI does a change break?

use std::fmt;

use super::model::{Field, Model, Struct};

/// What happened to a struct.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// Fine: a field after all others, or a new struct.
    Appended,
    /// A field is gone.
    Removed,
    /// A field is somewhere else.
    Moved,
    /// A field has another type.
    Retyped,
    /// A new field stands before old ones.
    Inserted,
    /// The struct is smaller, or its alignment is another.
    Shrunk,
    /// The type carries no size, so nobody could tell its versions apart.
    Frozen,
    /// A struct is gone.
    StructRemoved,
}

/// One change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Which rule it keeps or breaks.
    pub rule: Rule,
    /// Where, and what.
    pub what: String,
}

impl Rule {
    /// Whether plugins and hosts of before go on working.
    #[must_use]
    pub fn is_append(self) -> bool {
        self == Self::Appended
    }

    fn sentence(self) -> &'static str {
        match self {
            Self::Appended => {
                "appended; accept it with `cargo xtask abi --accept`, and raise ABI_MINOR"
            }
            Self::Removed => {
                "breaks the rule \"a field is never removed\": keep it, and stop using it"
            }
            Self::Moved => "breaks the rule \"a field never moves\": append instead",
            Self::Retyped => "breaks the rule \"a field keeps its type\": append another one",
            Self::Inserted => {
                "breaks the rule \"fields are only ever appended\": put it at the end"
            }
            Self::Shrunk => "breaks the rule \"a struct never shrinks\": keep its tail",
            Self::Frozen => {
                "breaks the rule \"a value type without a size is frozen for ever\": make a new type"
            }
            Self::StructRemoved => "breaks the rule \"a struct is never removed\": keep it",
        }
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.what, self.rule.sentence())
    }
}

/// Everything that is not as it was, in the order of the structs' names.
#[must_use]
pub fn changes(old: &Model, new: &Model) -> Vec<Change> {
    let gone = old
        .structs
        .iter()
        .filter(|before| new.find(&before.name).is_none());
    let gone = gone.map(|before| Change {
        rule: Rule::StructRemoved,
        what: format!("struct {}", before.name),
    });
    let rest = new
        .structs
        .iter()
        .flat_map(|after| match old.find(&after.name) {
            Some(before) => of_struct(before, after),
            None => vec![Change {
                rule: Rule::Appended,
                what: format!("struct {}", after.name),
            }],
        });
    gone.chain(rest).collect()
}

fn of_struct(before: &Struct, after: &Struct) -> Vec<Change> {
    if before == after {
        return Vec::new();
    }
    let change = |rule, field: &Field| Change {
        rule,
        what: format!("struct {}, field {field}", after.name),
    };
    if before.is_frozen() {
        return vec![Change {
            rule: Rule::Frozen,
            what: format!("struct {}", after.name),
        }];
    }
    let mut found = Vec::new();
    for (at, was) in before.fields.iter().enumerate() {
        match after.fields.iter().position(|is| is.name == was.name) {
            None => found.push(change(Rule::Removed, was)),
            Some(_) if after.fields.get(at) == Some(was) => {}
            Some(now) if after.fields[now].kind != was.kind => {
                found.push(change(Rule::Retyped, was))
            }
            Some(_) => found.push(change(Rule::Moved, was)),
        }
    }
    for (at, is) in after.fields.iter().enumerate() {
        if !before.fields.iter().any(|was| was.name == is.name) {
            let rule = if at < before.fields.len() {
                Rule::Inserted
            } else {
                Rule::Appended
            };
            found.push(change(rule, is));
        }
    }
    if after.size < before.size || after.align != before.align {
        let what = format!(
            "struct {}, from {} to {} bytes",
            after.name, before.size, after.size
        );
        found.push(Change {
            rule: Rule::Shrunk,
            what,
        });
    }
    found
}
