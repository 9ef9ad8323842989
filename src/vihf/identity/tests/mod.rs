//! Promises of the identifiers, and check digits computed a second way to hold them to.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod examples;
mod properties;

/// The check digit, computed another way than `luhn::holds`: by a table of doubled digits, from the left.
fn with_luhn(body: &str) -> String {
    const DOUBLED: [u32; 10] = [0, 2, 4, 6, 8, 1, 3, 5, 7, 9];
    let digits: Vec<u32> = body.chars().map(|c| c.to_digit(10).unwrap()).collect();
    let sum: u32 = digits
        .iter()
        .enumerate()
        .map(|(i, &d)| if (digits.len() - i) % 2 == 1 { DOUBLED[d as usize] } else { d })
        .sum();
    format!("{body}{}", (10 - sum % 10) % 10)
}

/// The key, computed by substitution in the text and 128-bit arithmetic.
fn with_key(body: &str) -> String {
    let department = match &body[5..7] {
        "2A" => "19",
        "2B" => "18",
        other => other,
    };
    let number: u128 = format!("{}{department}{}", &body[..5], &body[7..]).parse().unwrap();
    format!("{body}{:02}", 97 - number % 97)
}
