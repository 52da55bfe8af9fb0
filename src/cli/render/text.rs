//! Text of others, before a terminal sees it: made harmless, measured, and cut.

use std::fmt::Write;

/// The text with everything escaped that a terminal would act on or that would hide what is there: control
/// characters, C1 among them, and the invisible characters that turn the direction of writing. Everything else,
/// also of other scripts, stays as it is.
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' => escaped.push_str("\\n"),
            '\r' => escaped.push_str("\\r"),
            '\t' => escaped.push_str("\\t"),
            // Writing into a string cannot fail.
            _ if c.is_control() || is_invisible(c) => drop(write!(escaped, "\\u{{{:x}}}", u32::from(c))),
            _ => escaped.push(c),
        }
    }
    escaped
}

/// The marks of Unicode's bidirectional algorithm, line separators and the like, which have no shape of their own.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{61c}')
}

/// A sentence as it goes on after a colon: its first letter small, unless the second is large too.
pub fn uncapitalised(sentence: &str) -> String {
    let mut rest = sentence.chars();
    match (rest.next(), rest.clone().next()) {
        (Some(first), Some(second)) if first.is_uppercase() && !second.is_uppercase() => {
            first.to_lowercase().chain(rest).collect()
        }
        _ => sentence.to_string(),
    }
}

/// A word as it can be pasted into a shell.
pub fn shell_word(word: &str) -> String {
    let is_plain =
        |c: char| c.is_alphanumeric() || matches!(c, '/' | '.' | '_' | '-' | ':' | '@' | '+' | ',');
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_string();
    }
    let quoted: String = word
        .chars()
        .flat_map(|c| {
            let escape = matches!(c, '"' | '\\' | '$' | '`').then_some('\\');
            escape.into_iter().chain([c])
        })
        .collect();
    format!("\"{quoted}\"")
}

/// How many columns a text takes on a terminal, as nearly as can be said without the tables of Unicode: none for
/// combining marks, two for the wide letters of East Asia and for pictographs.
pub fn width(text: &str) -> usize {
    text.chars().map(columns).sum()
}

fn columns(c: char) -> usize {
    match u32::from(c) {
        0x300..=0x36f
        | 0x483..=0x489
        | 0x591..=0x5bd
        | 0x1ab0..=0x1aff
        | 0x20d0..=0x20ff
        | 0xfe00..=0xfe0f => 0,
        0x1100..=0x115f | 0x2e80..=0x303e | 0x3041..=0xa4cf | 0xac00..=0xd7a3 | 0xf900..=0xfaff => 2,
        0xfe30..=0xfe6f | 0xff00..=0xff60 | 0xffe0..=0xffe6 | 0x1f300..=0x1faff | 0x20000..=0x3fffd => 2,
        _ => 1,
    }
}

/// The text, cut to so many columns; what was cut ends in `…`.
pub fn cut(text: &str, columns_left: usize) -> String {
    if width(text) <= columns_left {
        return text.to_string();
    }
    let mut kept = String::new();
    let mut taken = 1;
    for c in text.chars() {
        taken += columns(c);
        if taken > columns_left {
            break;
        }
        kept.push(c);
    }
    if columns_left > 0 {
        kept.push('…');
    }
    kept
}

/// The text in lines of at most so many columns, broken at spaces; a word that is longer has a line of its own.
pub fn wrap(text: &str, columns: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let Some(line) = lines.last_mut() else { break };
        if line.is_empty() {
            line.push_str(word);
        } else if width(line) + 1 + width(word) <= columns {
            line.push(' ');
            line.push_str(word);
        } else {
            lines.push(word.to_string());
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_act_on_is_escaped() {
        assert_eq!(escape("plain größe 日本"), "plain größe 日本");
        assert_eq!(escape("a\nb\tc\r"), "a\\nb\\tc\\r");
        assert_eq!(escape("\u{1b}[31mred\u{7}\u{9b}x\u{7f}"), "\\u{1b}[31mred\\u{7}\\u{9b}x\\u{7f}");
        assert_eq!(escape("a\u{202e}b"), "a\\u{202e}b");
    }

    #[test]
    fn sentences_go_on_after_a_colon() {
        assert_eq!(uncapitalised("There is"), "there is");
        assert_eq!(uncapitalised("RPC is"), "RPC is");
        assert_eq!(uncapitalised("'x' is"), "'x' is");
        assert_eq!(uncapitalised(""), "");
    }

    #[test]
    fn words_for_a_shell() {
        assert_eq!(shell_word("web/0"), "web/0");
        assert_eq!(shell_word("hello world/0"), "\"hello world/0\"");
        assert_eq!(shell_word("a$b\"c"), "\"a\\$b\\\"c\"");
        assert_eq!(shell_word(""), "\"\"");
    }

    #[test]
    fn columns_are_not_bytes() {
        assert_eq!(width("größe"), 5);
        assert_eq!(width("日本"), 4);
        assert_eq!(width("e\u{301}"), 1);
    }

    #[test]
    fn cutting_leaves_a_sign() {
        assert_eq!(cut("hello", 5), "hello");
        assert_eq!(cut("hello", 4), "hel…");
        assert_eq!(cut("日本語", 5), "日本…");
        assert_eq!(cut("日本語", 4), "日…");
        assert_eq!(cut("hello", 1), "…");
        assert_eq!(cut("hello", 0), "");
    }

    #[test]
    fn wrapping_breaks_at_spaces() {
        assert_eq!(wrap("to be or not", 5), ["to be", "or", "not"]);
        assert_eq!(wrap("unbreakable a", 4), ["unbreakable", "a"]);
        assert_eq!(wrap("", 4), [""]);
    }
}
