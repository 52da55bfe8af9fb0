//! A command line as bash has it up to the cursor: split into words, with the quotes that bash leaves in them; and
//! words put into quotes again.
//!
//! Of what bash knows, quotes and backslashes are understood. Variables and the like stay as they are: what they stand
//! for is not known before the line is run.

/// A line up to the cursor.
#[derive(Debug)]
pub struct Line {
    /// The words without quotes, after the name of the program; the last one is at the cursor.
    arguments: Vec<String>,
    /// Where each of them begins, in characters.
    starts: Vec<usize>,
    /// The word at the cursor as it was typed.
    typed: String,
}

/// Which quote is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Quote {
    None,
    Single,
    Double,
}

/// A word, read.
#[derive(Debug)]
struct Word {
    start: usize,
    typed: String,
    /// Without quotes.
    plain: String,
    /// What is open at its end.
    open: Quote,
}

impl Line {
    /// Reads it. The first word is the name of the program.
    pub fn read(line: &str) -> Self {
        let mut words = split(line);
        let ends_in_a_word =
            words.last().is_some_and(|word| word.start + word.typed.chars().count() == line.chars().count());
        if !ends_in_a_word || words.len() < 2 {
            let start = line.chars().count();
            words.push(Word { start, typed: String::new(), plain: String::new(), open: Quote::None });
        }
        let typed = words.last().map(|word| word.typed.clone()).unwrap_or_default();
        let arguments = words.into_iter().skip(1);
        let (starts, arguments) = arguments.map(|word| (word.start, word.plain)).unzip();
        Self { arguments, starts, typed }
    }

    /// The words after the name of the program, without quotes.
    pub fn arguments(&self) -> &[String] {
        &self.arguments
    }

    /// Where one of them begins, in characters from the beginning of the line.
    pub fn start_of(&self, index: usize) -> usize {
        self.starts.get(index).copied().unwrap_or_default()
    }

    /// What is to stand in place of `replaced`, the end of the word at the cursor, so that the whole of it is `wanted`;
    /// `None` if that does not begin as the word does. bash replaces what follows the last open quote or the last
    /// character that parts words to it, `:` and `=` among them (`COMP_WORDBREAKS`).
    pub fn replacement(&self, replaced: &str, wanted: &str) -> Option<String> {
        let typed = self.arguments.last().map_or("", String::as_str);
        if !wanted.starts_with(typed) {
            return None;
        }
        let kept = self.typed.strip_suffix(replaced).unwrap_or("");
        let kept = split(kept).pop();
        let (before, open) = kept.map_or((String::new(), Quote::None), |word| (word.plain, word.open));
        wanted.strip_prefix(&before).map(|rest| quoted(rest, open))
    }
}

fn split(line: &str) -> Vec<Word> {
    let mut words: Vec<Word> = Vec::new();
    let mut word: Option<Word> = None;
    let mut quote = Quote::None;
    let mut rest = line.chars().enumerate().peekable();
    while let Some((at, c)) = rest.next() {
        if quote == Quote::None && matches!(c, ' ' | '\t' | '\n') {
            words.extend(word.take());
            continue;
        }
        let word = word.get_or_insert_with(|| Word {
            start: at,
            typed: String::new(),
            plain: String::new(),
            open: Quote::None,
        });
        word.typed.push(c);
        match (quote, c) {
            (Quote::None, '\'') => quote = Quote::Single,
            (Quote::None, '"') => quote = Quote::Double,
            (Quote::Single, '\'') | (Quote::Double, '"') => quote = Quote::None,
            (Quote::None | Quote::Double, '\\') => {
                let escaped =
                    rest.next_if(|(_, next)| quote == Quote::None || matches!(next, '"' | '\\' | '$' | '`'));
                word.typed.extend(escaped.map(|(_, next)| next));
                match escaped {
                    Some((_, next)) => word.plain.push(next),
                    // Within double quotes it stands for itself before anything else; at the end it quotes nothing yet.
                    None if quote == Quote::Double => word.plain.push(c),
                    None => {}
                }
            }
            (Quote::None | Quote::Single | Quote::Double, plain) => word.plain.push(plain),
        }
        word.open = quote;
    }
    words.extend(word);
    words
}

/// The text so that bash takes it for itself, where this quote is open.
fn quoted(text: &str, open: Quote) -> String {
    let mut quoted = String::with_capacity(text.len());
    for c in text.chars() {
        match open {
            Quote::Single if c == '\'' => quoted.push_str("'\\'"),
            Quote::Single => {}
            Quote::Double if matches!(c, '"' | '\\' | '$' | '`') => quoted.push('\\'),
            Quote::Double => {}
            Quote::None if is_plain(c) => {}
            Quote::None => quoted.push('\\'),
        }
        quoted.push(c);
    }
    quoted
}

fn is_plain(c: char) -> bool {
    !c.is_ascii()
        || c.is_ascii_alphanumeric()
        || matches!(c, '/' | '.' | '_' | '-' | ':' | '=' | '@' | '+' | ',' | '%')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_those_of_bash() {
        for (line, words) in [
            ("procnanny ", &[""][..]),
            ("procnanny", &[""]),
            ("procnanny st", &["st"]),
            ("procnanny  start web ", &["start", "web", ""]),
            (r"procnanny start hello\ wo", &["start", "hello wo"]),
            ("procnanny start 'hello wo", &["start", "hello wo"]),
            (r#"procnanny start "a\"b\c" it\'s"#, &["start", r#"a"b\c"#, "it's"]),
            (r"procnanny start a\", &["start", "a"]),
            ("procnanny start ''", &["start", ""]),
        ] {
            assert_eq!(Line::read(line).arguments(), words, "{line}");
        }
        let line = Line::read("procnanny 'é' -- ls");
        assert_eq!((line.start_of(0), line.start_of(2)), (10, 17));
    }

    #[test]
    fn what_is_replaced_is_quoted_as_it_was_begun() {
        for (line, replaced, wanted, becomes) in [
            ("procnanny start he", "he", "hello world", Some(r"hello\ world")),
            ("procnanny start 'he", "he", "hello world", Some("hello world")),
            ("procnanny start \"he", "he", "hello $x", Some(r"hello \$x")),
            ("procnanny start 'it", "it", "it's", Some(r"it'\''s")),
            ("procnanny start it", "it", "it's", Some(r"it\'s")),
            (r"procnanny start hello\ w", r"hello\ w", "hello world", Some(r"hello\ world")),
            // Where bash parts words, it replaces the last part.
            ("procnanny call status program=we", "we", "program=web", Some("web")),
            ("procnanny call status program=", "", "program=web", Some("web")),
            ("procnanny start web:8", "8", "web:80", Some("80")),
            (r"procnanny start hello\ w:8", "8", "hello w:80", Some("80")),
            ("procnanny start \"hello\"' w", " w", "hello world", Some(" world")),
            ("procnanny start ", "", "web", Some("web")),
            ("procnanny start db", "db", "web", None),
        ] {
            assert_eq!(Line::read(line).replacement(replaced, wanted).as_deref(), becomes, "{line}");
        }
    }
}
