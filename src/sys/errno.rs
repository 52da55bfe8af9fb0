//! The system's words for its errors.

use nix::errno::Errno;

/// What strerror(3) says, as every other program of the system says it. (nix has words of its own.)
#[must_use]
pub fn words(errno: Errno) -> String {
    let told = std::io::Error::from(errno).to_string();
    // Rust appends the number.
    told.split(" (os error").next().unwrap_or(&told).to_string()
}

/// The words for an error of the standard library, without the system's number.
#[must_use]
pub fn io_words(error: &std::io::Error) -> String {
    match error.raw_os_error() {
        Some(number) => words(Errno::from_raw(number)),
        None => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_those_of_the_system() {
        assert_eq!(words(Errno::EAGAIN), "Resource temporarily unavailable");
        assert_eq!(words(Errno::ENOENT), "No such file or directory");
    }
}
