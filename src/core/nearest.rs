//! "Did you mean …?": the known word that a mistyped one was most likely meant to be.
//!
//! Invariants: the cost of a comparison is bounded, since no word longer than 64 characters is compared, and
//! a suggestion always shares something with what was typed.

/// Words longer than this, in characters, are no typos of ours.
const LONGEST: usize = 64;

/// The candidate closest to the word, if it is close enough to be a likely typo; of several, the first.
///
/// Closeness is the optimal string alignment distance: insertions, deletions, replacements and swaps of
/// neighbours, each counted once. It must not exceed a third of the word's length (always allowed is 1).
/// Letters in upper and lower case are equal, and so are `_` and `-`.
pub fn nearest<'a>(word: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let word = folded(word)?;
    let limit = (word.len() / 3).max(1);
    candidates
        .filter_map(|candidate| {
            let other = folded(candidate)?;
            // The lengths alone say that these cannot be close.
            if word.len().abs_diff(other.len()) > limit {
                return None;
            }
            let distance = distance(&word, &other);
            let shares_something = distance < word.len().max(other.len());
            (distance <= limit && shares_something).then_some((distance, candidate))
        })
        .min_by_key(|&(distance, _)| distance)
        .map(|(_, candidate)| candidate)
}

/// The characters as they are compared; `None` if there are too many.
fn folded(word: &str) -> Option<Vec<char>> {
    let lower = word.chars().flat_map(char::to_lowercase).map(|c| if c == '-' { '_' } else { c });
    let characters: Vec<char> = lower.take(LONGEST + 1).collect();
    (characters.len() <= LONGEST).then_some(characters)
}

/// The optimal string alignment distance, by the usual table, of which three rows are kept.
fn distance(left: &[char], right: &[char]) -> usize {
    let width = right.len() + 1;
    let mut before = vec![0; width];
    let mut above: Vec<usize> = (0..width).collect();
    let mut row = vec![0; width];
    for (i, &l) in left.iter().enumerate() {
        row[0] = i + 1;
        for (j, &r) in right.iter().enumerate() {
            let replaced = above[j] + usize::from(l != r);
            let mut least = replaced.min(above[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && l == right[j - 1] && left[i - 1] == r {
                least = least.min(before[j - 1] + 1);
            }
            row[j + 1] = least;
        }
        (before, above, row) = (above, row, before);
    }
    above[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(left: &str, right: &str) -> usize {
        distance(&left.chars().collect::<Vec<_>>(), &right.chars().collect::<Vec<_>>())
    }

    #[test]
    fn distances() {
        for (left, right, expected) in [
            ("", "", 0),
            ("", "abc", 3),
            ("abc", "", 3),
            ("abc", "abc", 0),
            ("abc", "acb", 1),
            ("abc", "abxc", 1),
            ("abc", "axc", 1),
            ("kitten", "sitting", 3),
            ("ca", "abc", 3),
            ("restart", "restrat", 1),
        ] {
            assert_eq!(of(left, right), expected, "{left} {right}");
            assert_eq!(of(right, left), expected, "{right} {left}");
        }
    }

    #[test]
    fn a_typo_finds_its_word() {
        let known = ["start", "stop", "restart", "status", "stop_timeout", "instances"];
        let near = |word: &str| nearest(word, known.into_iter());
        assert_eq!(near("strat"), Some("start"));
        assert_eq!(near("stats"), Some("status"));
        assert_eq!(near("statsu"), Some("status"));
        assert_eq!(near("instence"), Some("instances"));
        assert_eq!(near("STOP-TIMEOUT"), Some("stop_timeout"));
        assert_eq!(near("Stop-timout"), Some("stop_timeout"));
        assert_eq!(near("sto"), Some("stop"));
        assert_eq!(near("fizzle"), None);
        assert_eq!(near(""), None);
    }

    #[test]
    fn the_closest_wins_and_then_the_first() {
        assert_eq!(nearest("fooo", ["fo", "foo", "fo_o"].into_iter()), Some("foo"));
        assert_eq!(nearest("foo-", ["foo", "foo_"].into_iter()), Some("foo_"));
        assert_eq!(nearest("bat", ["cat", "hat"].into_iter()), Some("cat"));
    }

    #[test]
    fn a_suggestion_shares_something() {
        assert_eq!(nearest("a", ["b"].into_iter()), None);
        assert_eq!(nearest("a", ["b", "ab"].into_iter()), Some("ab"));
    }

    #[test]
    fn long_words_are_not_compared() {
        let long = "a".repeat(LONGEST + 1);
        let longest = "a".repeat(LONGEST);
        assert_eq!(nearest(&long, [long.as_str()].into_iter()), None);
        assert_eq!(nearest(&longest, [long.as_str(), longest.as_str()].into_iter()), Some(longest.as_str()));
    }
}
