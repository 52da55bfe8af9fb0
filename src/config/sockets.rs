//! The value of `sockets`: what may be written for a socket.

use super::convert::{self, Expected, quoted};
use crate::core::sockets::{NetworkAddress, SocketPlace, SocketSetting};
use crate::wire::value::Value;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// How many sockets a program may have; each takes a descriptor from all its processes.
const MOST: usize = 128;
/// The longest name that systemd's own readers of `LISTEN_FDNAMES` take.
const MAX_NAME: usize = 255;

/// Reads the sockets.
///
/// # Errors
/// What would have been right.
pub fn read(value: &Value) -> Result<Vec<SocketSetting>, Expected> {
    let texts = convert::texts(value).ok().filter(|texts| texts.len() <= MOST);
    let texts = texts.ok_or_else(|| format!("an array of strings, at most {MOST}: {FORMS}"))?;
    let mut sockets: Vec<SocketSetting> = Vec::new();
    for text in &texts {
        let socket = parse(text).map_err(|expected| format!("{expected} for {}", quoted(text)))?;
        if sockets.iter().any(|other| other.place == socket.place) {
            return Err(format!("each socket once, and {} is there twice", quoted(text)));
        }
        sockets.push(socket);
    }
    Ok(sockets)
}

const FORMS: &str = "tcp:HOST:PORT, udp:HOST:PORT or unix:PATH";

/// Reads `[NAME=]tcp:HOST:PORT` and its like.
fn parse(text: &str) -> Result<SocketSetting, Expected> {
    let (head, rest) = text.split_once(':').ok_or(FORMS)?;
    let (name, kind) = head.rsplit_once('=').map_or((None, head), |(name, kind)| (Some(name), kind));
    let place = match kind {
        "tcp" => SocketPlace::Tcp(address(rest)?),
        "udp" => SocketPlace::Udp(address(rest)?),
        "unix" => SocketPlace::Unix(path(rest)?),
        _ => return Err(FORMS.to_string()),
    };
    Ok(SocketSetting { name: name.map(checked_name).transpose()?, place })
}

/// Names are printed, and parted by colons: sd_listen_fds_with_names(3).
fn checked_name(name: &str) -> Result<String, Expected> {
    let is_printable = |byte: u8| byte.is_ascii_graphic() || byte == b' ';
    if (1..=MAX_NAME).contains(&name.len()) && name.bytes().all(is_printable) {
        return Ok(name.to_string());
    }
    Err(format!("a name of 1 to {MAX_NAME} printable ASCII characters before the ="))
}

/// A name would have to be looked up, which takes as long as it takes; `localhost` is what everybody has.
fn address(text: &str) -> Result<NetworkAddress, Expected> {
    let expected = || {
        "a numeric address, [ADDRESS] for IPv6, * or localhost, and a port, as in 127.0.0.1:80 or *:80"
            .to_string()
    };
    let (host, port) = text.rsplit_once(':').ok_or_else(expected)?;
    // Digits alone: a sign would be read as well.
    let port = Some(port).filter(|port| port.bytes().all(|digit| digit.is_ascii_digit()));
    let port = port.and_then(|port| port.parse().ok()).ok_or_else(expected)?;
    match host {
        "" | "*" => Ok(NetworkAddress::All(port)),
        "localhost" => Ok(NetworkAddress::One(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port))),
        _ => text.parse().map(NetworkAddress::One).map_err(|_| expected()),
    }
}

/// An absolute path, of which no part stands for the number of an instance: all have the same socket.
fn path(text: &str) -> Result<String, Expected> {
    if !text.starts_with('/') || text.ends_with('/') {
        return Err("the absolute path of a file after unix:".to_string());
    }
    if text.replace("%%", "").contains("%i") {
        return Err("a path without %i, as all instances share the socket".to_string());
    }
    Ok(text.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_texts(texts: &[&str]) -> Result<Vec<String>, Expected> {
        let texts = Value::Array(texts.iter().map(|text| Value::from(*text)).collect());
        read(&texts).map(|sockets| sockets.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn sockets_are_read_and_shown() {
        for (given, shown) in [
            ("tcp:127.0.0.1:80", "tcp:127.0.0.1:80"),
            ("tcp:*:80", "tcp:*:80"),
            ("udp::53", "udp:*:53"),
            ("tcp:localhost:0", "tcp:127.0.0.1:0"),
            ("tcp:[::1]:65535", "tcp:[::1]:65535"),
            ("unix:/run/%n/a b=c:d", "unix:/run/%n/a b=c:d"),
            ("unix:/run/%%i", "unix:/run/%%i"),
            ("http=tcp:[::]:80", "http=tcp:[::]:80"),
            ("a=b=unix:/x", "a=b=unix:/x"),
        ] {
            assert_eq!(read_texts(&[given]), Ok(vec![shown.to_string()]), "{given}");
        }
        assert_eq!(read_texts(&[]), Ok(vec![]));
    }

    #[test]
    fn what_is_none_is_refused() {
        for (wrong, why) in [
            ("", FORMS),
            ("80", FORMS),
            ("sctp:*:80", FORMS),
            ("TCP:*:80", FORMS),
            ("tcp:80", "a port"),
            ("tcp:example.org:80", "a numeric address"),
            ("tcp:::1:80", "a numeric address"),
            ("tcp:127.0.0.1:65536", "a port"),
            ("tcp:127.0.0.1:+80", "a port"),
            ("tcp:127.0.0.1:", "a port"),
            ("tcp:127.0.0.1:http", "a port"),
            ("unix:run/x", "absolute path"),
            ("unix:@x", "absolute path"),
            ("unix:/run/", "absolute path"),
            ("unix:/run/%i", "without %i"),
            ("=tcp:*:80", "a name of 1 to 255"),
            ("größe=tcp:*:80", "a name of 1 to 255"),
        ] {
            let error = read_texts(&[wrong]).unwrap_err();
            assert!(error.contains(why) && error.contains(&quoted(wrong)), "{wrong}: {error}");
        }
        assert!(read_texts(&["tcp:*:80", "a=tcp::80"]).unwrap_err().contains("twice"));
        assert!(read_texts(&["tcp:*:0"; 129]).unwrap_err().contains("at most 128"));
        assert!(read(&Value::from("tcp:*:80")).is_err());
    }
}
