//! The role of an agent as it is shown.

/// Trims, and makes the first letter of each part between hyphens upper case: `pmm-lead` becomes `Pmm-Lead`. The rest of a
/// part stays as it is, so `pmm-lead` does not become `PMM-Lead`. Control characters are left out: a role is one line.
pub(crate) fn display(role: &str) -> String {
    let parts = role.trim().split('-').map(|part| {
        let mut letters = part.chars().filter(|letter| !letter.is_control());
        let first = letters.next().map(|letter| letter.to_ascii_uppercase());
        first.into_iter().chain(letters).collect::<String>()
    });
    parts.collect::<Vec<_>>().join("-")
}

#[cfg(test)]
mod tests {
    use super::display;

    #[test]
    fn each_part_starts_with_a_capital() {
        assert_eq!(display(" pmm-lead "), "Pmm-Lead");
        assert_eq!(display("QA"), "QA");
        assert_eq!(display("ünder-scoré"), "ünder-Scoré");
    }

    #[test]
    fn nothing_stays_nothing_and_a_line_stays_a_line() {
        assert_eq!(display("  "), "");
        assert_eq!(display("a\nb"), "Ab");
    }
}
