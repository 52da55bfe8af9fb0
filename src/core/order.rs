//! Sorting, once for all types: the standard library's is compiled anew for each, to 4 KiB of code. Here it is positions
//! that are sorted, and what is at them is then put there.

use std::cmp::Ordering;

/// Sorts; those that are equal stay in the order that they are in.
pub fn sort<T: Ord>(items: &mut [T]) {
    sort_by(items, T::cmp);
}

/// Sorts by a key; those with equal keys stay in the order that they are in.
pub fn sort_by_key<T, K: Ord>(items: &mut [T], key: impl Fn(&T) -> K) {
    sort_by(items, |a, b| key(a).cmp(&key(b)));
}

/// Sorts as `compare` has it; those that are equal to it stay in the order that they are in.
pub fn sort_by<T>(items: &mut [T], compare: impl Fn(&T, &T) -> Ordering) {
    let mut from: Vec<usize> = (0..items.len()).collect();
    sort_positions(&mut from, &|a, b| match (items.get(a), items.get(b)) {
        (Some(a), Some(b)) => compare(a, b),
        (None, _) | (_, None) => Ordering::Equal,
    });
    arrange(&mut from, &mut |a, b| items.swap(a, b));
}

fn sort_positions(positions: &mut [usize], compare: &dyn Fn(usize, usize) -> Ordering) {
    positions.sort_by(|a, b| compare(*a, *b));
}

/// Puts at each position what was at the one that `from` has for it.
fn arrange(from: &mut [usize], swap: &mut dyn FnMut(usize, usize)) {
    for position in 0..from.len() {
        // What was there has been swapped to where it is to be found, as often as that happened.
        let mut source = from.get(position).copied().unwrap_or(position);
        while source < position {
            source = from.get(source).copied().unwrap_or(position);
        }
        if let Some(place) = from.get_mut(position) {
            *place = source;
        }
        if source != position {
            swap(position, source);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn it_is_as_the_standard_library_has_it(numbers: Vec<u8>) {
            // With where they were, so that an order among equals is seen.
            let items: Vec<(u8, usize)> = numbers.into_iter().map(|it| it / 16).zip(0..).collect();
            let mut expected = items.clone();
            expected.sort_by_key(|(number, _)| *number);
            let mut sorted = items.clone();
            sort_by_key(&mut sorted, |(number, _)| *number);
            prop_assert_eq!(&sorted, &expected);
            let mut backwards = items;
            sort_by(&mut backwards, |a, b| b.cmp(a));
            sort(&mut backwards);
            prop_assert_eq!(backwards, expected);
        }
    }
}
