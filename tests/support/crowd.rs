//! Tables of practitioners, by the thousand if need be, as a hospital imports them.

/// First line of every table.
pub const HEAD: &str = "id;name;profession;specialty;services;enrolled_by;enrolled_how;enrolled_on;authenticator;trained_on;suspended\n";

/// A line of a nurse who is in order.
pub fn nurse(id: &str, name: &str) -> String {
    format!("{id};{name};60;;consultation;Bureau des cartes;cps;2026-01-10;;2026-01-15;\n")
}

/// PS_IdNat of that number: 8, eleven digits of which the last is the key of Luhn.
pub fn rpps(number: usize) -> String {
    let body = format!("{:010}", 9_000_000_000usize + number);
    let sum: u32 = body
        .bytes()
        .rev()
        .enumerate()
        .map(|(at, digit)| {
            let digit = u32::from(digit - b'0') * if at % 2 == 0 { 2 } else { 1 };
            digit / 10 + digit % 10
        })
        .sum();
    format!("8{body}{}", (10 - sum % 10) % 10)
}

/// A table of that many nurses, whose names begin with `name`.
pub fn crowd(count: usize, name: &str) -> String {
    (0..count).map(|number| nurse(&rpps(number), &format!("{name} NUMERO {number}"))).collect()
}
