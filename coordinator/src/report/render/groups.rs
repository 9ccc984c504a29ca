//! Trials without an observation, put together where they say the same.

use crate::report::{Analysis, Exception, ExceptionKind};

/// Neighbouring exceptions of one config with one kind and one reason.
pub(in crate::report) struct ExceptionGroup<'a> {
    pub(in crate::report) config: &'a str,
    pub(in crate::report) kind: &'static str,
    pub(in crate::report) reason: &'a str,
    /// `3`, `0-4, 7`
    pub(in crate::report) replicates: String,
}

pub(in crate::report) fn exceptions(analysis: &Analysis) -> Vec<ExceptionGroup<'_>> {
    let same = |a: &Exception, b: &Exception| (a.index, a.kind, &a.reason) == (b.index, b.kind, &b.reason);
    let groups = analysis.exceptions.chunk_by(same);
    let group = |members: &'_ [Exception]| ranges(members.iter().map(|e| e.replicate));
    groups
        .filter_map(|members| {
            let first = members.first()?;
            Some(ExceptionGroup {
                config: &first.config,
                kind: kind(first.kind),
                reason: &first.reason,
                replicates: group(members),
            })
        })
        .collect()
}

fn kind(kind: ExceptionKind) -> &'static str {
    match kind {
        ExceptionKind::Diverged => "diverged",
        ExceptionKind::Abandoned => "abandoned",
        ExceptionKind::Cancelled => "cancelled",
        ExceptionKind::Pending => "pending",
        ExceptionKind::Leased => "leased",
        ExceptionKind::NotFinite => "not finite",
        ExceptionKind::Absent => "absent",
    }
}

/// Ascending numbers with runs of three or more shortened.
fn ranges(numbers: impl Iterator<Item = u32>) -> String {
    let mut runs: Vec<(u32, u32)> = Vec::new();
    for number in numbers {
        match runs.last_mut() {
            Some((_, last)) if last.checked_add(1) == Some(number) => *last = number,
            _ => runs.push((number, number)),
        }
    }
    let text = |&(first, last): &(u32, u32)| match last - first {
        0 => first.to_string(),
        1 => format!("{first}, {last}"),
        _ => format!("{first}-{last}"),
    };
    runs.iter().map(text).collect::<Vec<String>>().join(", ")
}

#[cfg(test)]
mod tests {
    #[test]
    fn runs_are_shortened() {
        let of = |numbers: &[u32]| super::ranges(numbers.iter().copied());
        assert_eq!(of(&[0, 1, 2, 3, 7, 9, 10]), "0-3, 7, 9, 10");
        assert_eq!(of(&[]), "");
        assert_eq!(of(&[u32::MAX]), u32::MAX.to_string());
    }
}
