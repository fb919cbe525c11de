//! From text to words.

use super::SyntaxError;

/// A word of the language.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    Name(String),
    Int(i64),
    Uint(u64),
    Double(f64),
    Text(String),
    Bytes(Vec<u8>),
    Sign(&'static str),
}

/// Longest first.
const SIGNS: [&str; 27] = [
    "[?", ".?", "&&", "||", "==", "!=", "<=", ">=", "<", ">", "+", "-", "*", "/", "%", "!", "?",
    ":", ".", ",", "(", ")", "[", "]", "{", "}", ";",
];

/// Words with their positions.
pub(super) fn words(text: &str) -> Result<Vec<(usize, Token)>, SyntaxError> {
    let characters: Vec<char> = text.chars().collect();
    let mut at = 0;
    let mut words = Vec::new();
    while at < characters.len() {
        let start = at;
        let here = characters[at];
        if here.is_whitespace() {
            at += 1;
            continue;
        }
        if here == '/' && characters.get(at + 1) == Some(&'/') {
            while at < characters.len() && characters[at] != '\n' {
                at += 1;
            }
            continue;
        }
        let token = if let Some((token, end)) = literal(&characters, at)? {
            at = end;
            token
        } else if here.is_ascii_digit() {
            let (token, end) = number(&characters, at)?;
            at = end;
            token
        } else if here.is_ascii_alphabetic() || here == '_' {
            while characters
                .get(at)
                .is_some_and(|c| c.is_ascii_alphanumeric() || *c == '_')
            {
                at += 1;
            }
            Token::Name(characters[start..at].iter().collect())
        } else {
            let sign = SIGNS.into_iter().find(|sign| {
                sign.chars()
                    .enumerate()
                    .all(|(index, c)| characters.get(at + index) == Some(&c))
            });
            let Some(sign) = sign else {
                return Err(SyntaxError {
                    position: at + 1,
                    message: format!("token recognition error at: '{here}'"),
                });
            };
            at += sign.len();
            Token::Sign(sign)
        };
        words.push((start, token));
    }
    Ok(words)
}

fn number(characters: &[char], start: usize) -> Result<(Token, usize), SyntaxError> {
    let refused = |what: &str| SyntaxError {
        position: start + 1,
        message: format!("invalid {what} literal"),
    };
    let hexadecimal = characters
        .get(start + 1)
        .is_some_and(|c| matches!(c, 'x' | 'X'));
    let mut at = start + if hexadecimal { 2 } else { 0 };
    let mut is_double = false;
    while let Some(c) = characters.get(at) {
        let next_is_digit = characters.get(at + 1).is_some_and(char::is_ascii_digit);
        let goes_on = if hexadecimal {
            c.is_ascii_hexdigit()
        } else {
            match c {
                '0'..='9' => true,
                '.' if next_is_digit && !is_double => {
                    is_double = true;
                    true
                }
                'e' | 'E' => {
                    is_double = true;
                    if characters
                        .get(at + 1)
                        .is_some_and(|c| matches!(c, '+' | '-'))
                    {
                        at += 1;
                    }
                    true
                }
                _ => false,
            }
        };
        if !goes_on {
            break;
        }
        at += 1;
    }
    let digits: String = characters[start + if hexadecimal { 2 } else { 0 }..at]
        .iter()
        .collect();
    if is_double {
        let value = digits.parse().map_err(|_not_a_number| refused("double"))?;
        return Ok((Token::Double(value), at));
    }
    let radix = if hexadecimal { 16 } else { 10 };
    if characters.get(at).is_some_and(|c| matches!(c, 'u' | 'U')) {
        let value = u64::from_str_radix(&digits, radix).map_err(|_too_large| refused("uint"))?;
        return Ok((Token::Uint(value), at + 1));
    }
    let value = i64::from_str_radix(&digits, radix).map_err(|_too_large| refused("int"))?;
    Ok((Token::Int(value), at))
}

/// A string or bytes literal with its end, if one begins here.
fn literal(characters: &[char], start: usize) -> Result<Option<(Token, usize)>, SyntaxError> {
    let (mut raw, mut bytes, mut at) = (false, false, start);
    while let Some(c) = characters.get(at) {
        match c {
            'r' | 'R' if !raw => raw = true,
            'b' | 'B' if !bytes => bytes = true,
            '"' | '\'' => break,
            _ => return Ok(None),
        }
        at += 1;
    }
    let Some(quote) = characters.get(at) else {
        return Ok(None);
    };
    let triple = characters.get(at + 1) == Some(quote) && characters.get(at + 2) == Some(quote);
    let quotes = if triple { 3 } else { 1 };
    at += quotes;
    let mut text = String::new();
    loop {
        let ends = (0..quotes).all(|index| characters.get(at + index) == Some(quote));
        if ends {
            break;
        }
        match characters.get(at) {
            None => {
                return Err(SyntaxError {
                    position: start + 1,
                    message: String::from("unterminated string literal"),
                });
            }
            Some('\\') if !raw => {
                let (c, after) = escape(characters, at + 1).ok_or_else(|| SyntaxError {
                    position: at + 1,
                    message: String::from("invalid escape sequence"),
                })?;
                text.push(c);
                at = after;
            }
            Some(c) => {
                text.push(*c);
                at += 1;
            }
        }
    }
    let token = if bytes {
        Token::Bytes(text.into_bytes())
    } else {
        Token::Text(text)
    };
    Ok(Some((token, at + quotes)))
}

/// The character of an escape sequence after its backslash.
fn escape(characters: &[char], at: usize) -> Option<(char, usize)> {
    let digits = |from: usize, count: usize, radix: u32| {
        let text: String = characters.get(from..from + count)?.iter().collect();
        let code = u32::from_str_radix(&text, radix).ok()?;
        Some((char::from_u32(code)?, from + count))
    };
    let plain = |c: char| Some((c, at + 1));
    match characters.get(at)? {
        'n' => plain('\n'),
        't' => plain('\t'),
        'r' => plain('\r'),
        'a' => plain('\u{7}'),
        'b' => plain('\u{8}'),
        'f' => plain('\u{c}'),
        'v' => plain('\u{b}'),
        c @ ('\\' | '"' | '\'' | '`' | '?') => plain(*c),
        'x' | 'X' => digits(at + 1, 2, 16),
        'u' => digits(at + 1, 4, 16),
        'U' => digits(at + 1, 8, 16),
        '0'..='3' => digits(at, 3, 8),
        _ => None,
    }
}
