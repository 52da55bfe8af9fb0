//! Patterns for names, as shells have them: `web*`, `db-?`, `worker-[0-9]`.
//!
//! Invariants: a pattern matches whole names, every string is a pattern, and matching takes at most (length
//! of the pattern × length of the name) steps, because only the last `*` is ever taken back.

use std::str::Chars;

/// A pattern, made ready for many names.
///
/// `*` stands for any characters, also none; `?` for exactly one; `[abc]` and `[a-z]` for one of these;
/// `[!abc]` for one that is none of these. Directly after `[` or `[!`, a `]` is one of the characters; a `-`
/// is one where it is the first or last. A `[` that is never closed stands for itself. There is no escape
/// character: `[*]` is a literal `*`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Glob {
    tokens: Vec<Token>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    Literal(char),
    AnyOne,
    AnyMany,
    OneOf(Vec<(char, char)>),
    NoneOf(Vec<(char, char)>),
}

impl Token {
    fn takes(&self, c: char) -> bool {
        let within =
            |ranges: &[(char, char)]| ranges.iter().any(|&(first, last)| (first..=last).contains(&c));
        match self {
            Token::Literal(literal) => *literal == c,
            Token::AnyOne | Token::AnyMany => true,
            Token::OneOf(ranges) => within(ranges),
            Token::NoneOf(ranges) => !within(ranges),
        }
    }
}

impl Glob {
    /// Reads a pattern; there is no wrong one.
    pub fn new(pattern: &str) -> Glob {
        let mut tokens = Vec::new();
        let mut rest = pattern.chars();
        // Where one `[` is not closed, none after it is: not looking again keeps this linear.
        let mut may_close = true;
        while let Some(c) = rest.next() {
            tokens.push(match c {
                '*' => Token::AnyMany,
                '?' => Token::AnyOne,
                '[' if may_close => match class(rest.as_str()) {
                    Some((token, after)) => {
                        rest = after;
                        token
                    }
                    None => {
                        may_close = false;
                        Token::Literal('[')
                    }
                },
                literal => Token::Literal(literal),
            });
        }
        Glob { tokens }
    }

    /// Whether the pattern matches the whole name.
    pub fn matches(&self, name: &str) -> bool {
        let mut tokens = self.tokens.iter();
        let mut rest = name.chars();
        // Where to go on when a match fails: after the last `*`, which then takes one more character.
        let mut retry = None;
        loop {
            let goes_on = match tokens.next() {
                Some(Token::AnyMany) => {
                    retry = Some((tokens.clone(), rest.clone()));
                    true
                }
                Some(token) => rest.next().is_some_and(|c| token.takes(c)),
                None if rest.as_str().is_empty() => return true,
                None => false,
            };
            if goes_on {
                continue;
            }
            let Some((after, from)) = &mut retry else { return false };
            if from.next().is_none() {
                return false;
            }
            tokens = after.clone();
            rest = from.clone();
        }
    }
}

/// Whether a single pattern matches a single name; see [`Glob`].
pub fn matches(pattern: &str, name: &str) -> bool {
    Glob::new(pattern).matches(name)
}

/// Whether a text has any of the characters that make it a pattern. Names of programs have none.
pub fn is_pattern(text: &str) -> bool {
    text.contains(['*', '?', '['])
}

/// Reads what follows a `[`, and returns what is left after the `]`; `None` where that is missing.
fn class(text: &str) -> Option<(Token, Chars<'_>)> {
    let negated = text.strip_prefix('!');
    let mut rest = negated.unwrap_or(text).chars();
    let mut ranges = Vec::new();
    loop {
        match rest.next()? {
            ']' if !ranges.is_empty() => break,
            first => ranges.push((first, range_end(&mut rest).unwrap_or(first))),
        }
    }
    let token = if negated.is_some() { Token::NoneOf(ranges) } else { Token::OneOf(ranges) };
    Some((token, rest))
}

/// Takes the `-z` of `a-z`, if that is what follows.
fn range_end(rest: &mut Chars<'_>) -> Option<char> {
    let mut after = rest.as_str().strip_prefix('-')?.chars();
    let last = after.next().filter(|&c| c != ']')?;
    *rest = after;
    Some(last)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn stars_and_question_marks() {
        for (pattern, name) in [
            ("web", "web"),
            ("*", ""),
            ("*", "hello world"),
            ("web*", "web"),
            ("*1", "web-11"),
            ("w*b*1", "web-b-1"),
            ("**a**", "a"),
            ("w?b", "web"),
            ("?", "é"),
            ("a*b?c*d", "axxbxbyczzd"),
        ] {
            assert!(matches(pattern, name), "{pattern} {name}");
        }
        for (pattern, name) in [
            ("web", "web1"),
            ("web", "we"),
            ("", "a"),
            ("?", ""),
            ("?", "ab"),
            ("*1", "12"),
            ("a*b?c", "abc"),
            ("Web", "web"),
        ] {
            assert!(!matches(pattern, name), "{pattern} {name}");
        }
    }

    #[test]
    fn sets_of_characters() {
        for (pattern, yes, no) in [
            ("[abc]", "b", "d"),
            ("[a-c]", "b", "d"),
            ("[!a-c]", "d", "b"),
            ("w[0-9a]", "wa", "wb"),
            ("[-a]", "-", "b"),
            ("[a-]", "-", "b"),
            ("[]a]", "]", "b"),
            ("[!]a]", "b", "]"),
            ("[*]", "*", "a"),
            ("[^a]", "^", "b"),
            ("[é-ü]", "ö", "a"),
        ] {
            assert!(matches(pattern, yes), "{pattern} {yes}");
            assert!(!matches(pattern, no), "{pattern} {no}");
        }
        assert!(!matches("[z-a]", "m"), "a range that runs backwards holds nothing");
    }

    #[test]
    fn an_unclosed_bracket_is_itself() {
        for literal in ["[", "[]", "[!", "[!]", "[a-", "web[1", "[[[", "[]["] {
            assert!(matches(literal, literal), "{literal}");
            assert!(!matches(literal, "a"), "{literal}");
        }
        assert!(matches("[[a]", "["));
        assert!(matches("[a][b", "a[b"));
    }

    #[test]
    fn long_patterns_take_no_more_than_the_product_of_lengths() {
        let name = "a".repeat(3000);
        assert!(!matches(&("a*".repeat(1000) + "b"), &name));
        assert!(matches(&"a*".repeat(1000), &name));
        assert!(matches(&"[".repeat(1_000_000), &"[".repeat(1_000_000)));
    }

    #[test]
    fn what_is_a_pattern() {
        assert!(is_pattern("web*") && is_pattern("w?b") && is_pattern("web[1"));
        assert!(!is_pattern("hello world") && !is_pattern("a]") && !is_pattern(""));
    }

    /// The definition, without any care for its cost.
    fn defined(tokens: &[Token], name: &[char]) -> bool {
        match (tokens, name) {
            ([], name) => name.is_empty(),
            ([Token::AnyMany, after @ ..], name) => {
                (0..=name.len()).any(|taken| defined(after, &name[taken..]))
            }
            ([token, after @ ..], [c, rest @ ..]) => token.takes(*c) && defined(after, rest),
            ([_, ..], []) => false,
        }
    }

    proptest! {
        #[test]
        fn matching_is_as_defined(pattern in r"[ab*?\[\]!-]{0,8}", name in "[ab]{0,8}") {
            let glob = Glob::new(&pattern);
            let characters: Vec<char> = name.chars().collect();
            prop_assert_eq!(glob.matches(&name), defined(&glob.tokens, &characters));
        }
    }
}
