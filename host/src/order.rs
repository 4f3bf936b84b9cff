//! The order of the chain, the same on every machine and for every order in which the files were found.
//!
//! Two plugins that both have a number (the operator's `order`, or else the one in the file name) stand in the order of
//! their numbers. `after` and `before` decide between two of which at least one has none. What is still open is decided
//! by: numbered ones first, then the name.

use std::collections::{BTreeMap, BTreeSet};

/// What decides the place of a plugin.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct OrderKey {
    /// Its number, if it has one.
    pub number: Option<i64>,
    /// Its name. Names are unique among the plugins of a host.
    pub name: String,
    /// Names of those that it must run after; unknown ones do not matter.
    pub after: Vec<String>,
    /// Names of those that it must run before; unknown ones do not matter.
    pub before: Vec<String>,
}

/// The order, and what could not be kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Order {
    /// Indices into the given keys, first to run first.
    pub places: Vec<usize>,
    /// One sentence for each circle that had to be broken.
    pub warnings: Vec<String>,
}

/// Sorts `keys`, whose names differ.
#[must_use]
pub fn sort(keys: &[OrderKey]) -> Order {
    let mut ranked: Vec<usize> = (0..keys.len()).collect();
    ranked.sort_by_key(|&at| {
        let key = &keys[at];
        (key.number.is_none(), key.number, &key.name)
    });
    let sorted: Vec<&OrderKey> = ranked.iter().map(|&at| &keys[at]).collect();
    let mut waits = waits_for(&sorted);
    let mut order = Order::default();
    let mut ready: BTreeSet<usize> = (0..sorted.len())
        .filter(|rank| waits[rank].is_empty())
        .collect();
    let followers = followers(&waits);
    while !waits.is_empty() {
        let rank = ready.pop_first().unwrap_or_else(|| {
            let circle = circle(&waits);
            order.warnings.push(describe(&circle, &sorted));
            circle.into_iter().min().unwrap_or_default()
        });
        waits.remove(&rank);
        order.places.push(ranked[rank]);
        for follower in followers.get(&rank).into_iter().flatten() {
            if let Some(left) = waits.get_mut(follower) {
                left.remove(&rank);
                if left.is_empty() {
                    ready.insert(*follower);
                }
            }
        }
    }
    order
}

/// For each rank, the ranks that must come before it.
type Waits = BTreeMap<usize, BTreeSet<usize>>;

fn waits_for(sorted: &[&OrderKey]) -> Waits {
    let ranks: BTreeMap<&str, usize> = sorted
        .iter()
        .enumerate()
        .map(|(rank, key)| (key.name.as_str(), rank))
        .collect();
    let mut waits: Waits = (0..sorted.len())
        .map(|rank| (rank, BTreeSet::new()))
        .collect();
    let mut link = |first: usize, then: usize| {
        if let Some(before) = waits.get_mut(&then) {
            before.insert(first);
        }
    };
    for (rank, key) in sorted.iter().enumerate() {
        if rank > 0 && key.number.is_some() {
            link(rank - 1, rank);
        }
        let open = |name: &String| {
            let other = *ranks.get(name.as_str())?;
            let decided = key.number.is_some() && sorted[other].number.is_some();
            (!decided && other != rank).then_some(other)
        };
        key.after
            .iter()
            .filter_map(open)
            .for_each(|other| link(other, rank));
        key.before
            .iter()
            .filter_map(open)
            .for_each(|other| link(rank, other));
    }
    waits
}

fn followers(waits: &Waits) -> BTreeMap<usize, Vec<usize>> {
    let mut followers: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (&then, before) in waits {
        before
            .iter()
            .for_each(|&first| followers.entry(first).or_default().push(then));
    }
    followers
}

/// A circle among those left, every one of which waits for another: going back from any of them comes round.
fn circle(waits: &Waits) -> Vec<usize> {
    let mut path: Vec<usize> = waits.keys().next().copied().into_iter().collect();
    while let Some(first) = path
        .last()
        .and_then(|last| waits.get(last)?.first().copied())
    {
        if let Some(start) = path.iter().position(|&rank| rank == first) {
            return path.split_off(start);
        }
        path.push(first);
    }
    path
}

fn describe(circle: &[usize], sorted: &[&OrderKey]) -> String {
    let names: Vec<&str> = circle
        .iter()
        .rev()
        .map(|&rank| sorted[rank].name.as_str())
        .collect();
    let first = circle
        .iter()
        .min()
        .map_or("", |&rank| sorted[rank].name.as_str());
    format!(
        "expected plugins that can be put in an order, found a circle of after and before: {}; {first} runs first: give one of them an order in the policy",
        names.join(" -> ")
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key(number: Option<i64>, name: &str, after: &[&str], before: &[&str]) -> OrderKey {
        let owned = |names: &[&str]| names.iter().map(ToString::to_string).collect();
        OrderKey {
            number,
            name: name.to_owned(),
            after: owned(after),
            before: owned(before),
        }
    }

    fn names(keys: &[OrderKey]) -> String {
        sort(keys)
            .places
            .iter()
            .map(|&at| keys[at].name.as_str())
            .collect()
    }

    #[test]
    fn numbers_then_names() {
        let keys = [
            key(None, "b", &[], &[]),
            key(Some(10), "d", &[], &[]),
            key(Some(10), "c", &[], &[]),
            key(Some(-1), "e", &[], &[]),
            key(None, "a", &[], &[]),
        ];
        assert_eq!(names(&keys), "ecdab");
    }

    #[test]
    fn after_and_before_decide_where_a_number_does_not() {
        let keys = [
            key(None, "a", &["b"], &[]),
            key(None, "b", &[], &[]),
            key(None, "c", &[], &["b"]),
        ];
        assert_eq!(names(&keys), "cba");
        let keys = [
            key(Some(1), "a", &["b"], &[]),
            key(Some(2), "b", &[], &["a"]),
        ];
        assert_eq!(
            sort(&keys),
            Order {
                places: vec![0, 1],
                warnings: vec![]
            }
        );
        let keys = [key(Some(1), "a", &[], &[]), key(None, "b", &[], &["a"])];
        assert_eq!(names(&keys), "ba");
        assert_eq!(names(&[key(None, "a", &["nobody", "a"], &[])]), "a");
    }

    #[test]
    fn a_circle_is_reported_and_broken_by_name() {
        let keys = [
            key(None, "0", &["b"], &[]),
            key(None, "a", &["c"], &[]),
            key(None, "b", &["a"], &[]),
            key(None, "c", &["b"], &[]),
        ];
        let order = sort(&keys);
        assert_eq!(names(&keys), "ab0c");
        assert_eq!(order.warnings.len(), 1);
        assert!(
            order.warnings[0].contains("a runs first"),
            "{:?}",
            order.warnings
        );
        for name in ["a", "b", "c"] {
            assert!(order.warnings[0].contains(name));
        }
    }

    fn any_keys() -> impl Strategy<Value = Vec<OrderKey>> {
        let name = || proptest::sample::select(vec!["a", "b", "c", "d", "e", "f"]);
        let names = || proptest::collection::vec(name().prop_map(str::to_owned), 0..3);
        let one = (proptest::option::of(0..3_i64), names(), names());
        proptest::collection::vec(one, 0..6).prop_map(|keys| {
            let named = keys.into_iter().zip(["a", "b", "c", "d", "e", "f"]);
            named
                .map(|((number, after, before), name)| OrderKey {
                    number,
                    name: name.to_owned(),
                    after,
                    before,
                })
                .collect()
        })
    }

    proptest! {
        #[test]
        fn every_permutation_gives_the_same_order(
            (keys, shuffled) in any_keys().prop_flat_map(|keys| (Just(keys.clone()), Just(keys).prop_shuffle()))
        ) {
            let (one, other) = (sort(&keys), sort(&shuffled));
            prop_assert_eq!(one.places.len(), keys.len());
            prop_assert_eq!(one.warnings, other.warnings);
            prop_assert_eq!(names(&keys), names(&shuffled));
        }

        #[test]
        fn what_is_not_in_a_circle_is_kept(keys in any_keys()) {
            let order = sort(&keys);
            prop_assume!(order.warnings.is_empty());
            let place = |name: &str| order.places.iter().position(|&at| keys[at].name == name);
            for key in &keys {
                for other in key.after.iter().filter(|other| **other != key.name) {
                    let numbered = key.number.is_some()
                        && keys.iter().any(|k| k.name == *other && k.number.is_some());
                    if let (Some(first), false) = (place(other), numbered) {
                        prop_assert!(Some(first) < place(&key.name));
                    }
                }
            }
        }
    }
}
