//! Who is let in over CURVE: the ZAP handler (RFC 27 of ZeroMQ), which libzmq asks for each client, answered in the loop
//! as everything else. Each endpoint that has keys is a domain of its own, with its own list of clients.
//!
//! It is bound before any of these endpoints: libzmq lets everybody in where there is no handler.

use super::{Supervisor, SupervisorError};
use crate::config::curve::{CurveKeys, PublicKey};
use crate::sys::errno::words;
use crate::sys::zmq_options;
use std::collections::HashSet;

/// Where libzmq looks for the handler of its context.
const ADDRESS: &std::ffi::CStr = c"inproc://zeromq.zap.01";
/// The version of the protocol.
const VERSION: &[u8] = b"1.0";
/// How many clients are judged in a pass.
const CLIENTS_A_PASS: usize = 256;

/// The handler, and who is let in.
pub struct Zap {
    socket: zmq::Socket,
    /// The clients of each domain; its number is its name.
    domains: Vec<HashSet<PublicKey>>,
}

/// What libzmq is told of a client.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    /// It is let in, and known by its key.
    Welcome(PublicKey),
    /// It is not.
    Unknown,
}

impl Zap {
    /// Listens for libzmq's questions, and makes a domain of each of these; nothing where there are none.
    ///
    /// # Errors
    /// The system's words.
    pub fn begin<'a>(
        context: &zmq::Context,
        guarded: impl Iterator<Item = &'a mut CurveKeys>,
    ) -> Result<Option<Self>, SupervisorError> {
        let domain = |(number, keys): (usize, &mut CurveKeys)| {
            keys.domain = number.to_string();
            std::mem::take(&mut keys.clients)
        };
        let domains: Vec<HashSet<PublicKey>> = guarded.enumerate().map(domain).collect();
        if domains.is_empty() {
            return Ok(None);
        }
        let failed = |why: String| SupervisorError(format!("cannot answer for CURVE: {why}"));
        let mut socket = context.socket(zmq::ROUTER).map_err(|error| failed(error.to_string()))?;
        socket.set_linger(0).map_err(|error| failed(error.to_string()))?;
        zmq_options::bind(&mut socket, ADDRESS).map_err(|errno| failed(words(errno)))?;
        Ok(Some(Self { socket, domains }))
    }

    /// The socket, to be watched.
    pub fn socket(&self) -> &zmq::Socket {
        &self.socket
    }

    /// Answers one question, if there is one.
    fn answer(&self) -> Option<()> {
        // A message is delivered whole or not at all; all of it is libzmq's own, and none of it is long.
        let frames = self.socket.recv_multipart(zmq::DONTWAIT).ok()?;
        if let Some(answer) = answer(&frames, |domain, key| self.judge(domain, key)) {
            // A client that has gone meanwhile needs none.
            let _ = self.socket.send_multipart(answer, zmq::DONTWAIT);
        }
        Some(())
    }

    fn judge(&self, domain: &[u8], key: PublicKey) -> Verdict {
        let number = std::str::from_utf8(domain).ok().and_then(|domain| domain.parse::<usize>().ok());
        match number.and_then(|number| self.domains.get(number)) {
            Some(clients) if clients.contains(&key) => Verdict::Welcome(key),
            Some(_) | None => Verdict::Unknown,
        }
    }
}

impl std::fmt::Debug for Zap {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let clients: Vec<usize> = self.domains.iter().map(HashSet::len).collect();
        f.debug_struct("Zap").field("clients", &clients).finish_non_exhaustive()
    }
}

/// The frames of the answer to the frames of a question; `None` to what is no question.
///
/// A question: envelope, version, request id, domain, address, routing id, mechanism, credentials. An answer: envelope,
/// version, request id, status code, its text, user id, metadata.
fn answer(frames: &[Vec<u8>], judge: impl FnOnce(&[u8], PublicKey) -> Verdict) -> Option<Vec<Vec<u8>>> {
    let [router, delimiter, version, id, domain, _, _, mechanism, credentials @ ..] = frames else {
        return None;
    };
    if !delimiter.is_empty() || version != VERSION {
        return None;
    }
    let key = match credentials {
        [key] if mechanism == b"CURVE" => key.as_slice().try_into().ok().map(PublicKey),
        _ => None,
    };
    let (code, text, user) = match key.map_or(Verdict::Unknown, |key| judge(domain, key)) {
        Verdict::Welcome(key) => (&b"200"[..], &b"OK"[..], key.to_string()),
        Verdict::Unknown => (&b"400"[..], &b"Unknown key"[..], String::new()),
    };
    let envelope = [router.as_slice(), b"", VERSION, id];
    let answer = envelope.into_iter().chain([code, text, user.as_bytes(), b""]);
    Some(answer.map(<[u8]>::to_vec).collect())
}

impl Supervisor {
    /// Answers libzmq's questions about clients, and returns how many there were.
    pub fn judge_clients(&mut self) -> usize {
        let Some(zap) = &self.zap else { return 0 };
        (0..CLIENTS_A_PASS).map_while(|_| zap.answer()).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question(version: &str, domain: &str, mechanism: &str, credentials: &[&[u8]]) -> Vec<Vec<u8>> {
        let texts = ["router", "", version, "1", domain, "127.0.0.1", "", mechanism];
        let frames = texts.iter().map(|text| text.as_bytes()).chain(credentials.iter().copied());
        frames.map(<[u8]>::to_vec).collect()
    }

    fn code(frames: &[Vec<u8>]) -> Option<String> {
        let judge = |domain: &[u8], key: PublicKey| {
            if domain == b"0" && key.0 == [7; 32] { Verdict::Welcome(key) } else { Verdict::Unknown }
        };
        let answer = answer(frames, judge)?;
        assert_eq!((answer.len(), &answer[..4]), (8, &["router", "", "1.0", "1"].map(Vec::from)[..]));
        Some(String::from_utf8(answer[4].clone()).unwrap())
    }

    #[test]
    fn only_a_known_key_of_the_domain_is_let_in() {
        let known: &[u8] = &[7; 32];
        assert_eq!(code(&question("1.0", "0", "CURVE", &[known])).as_deref(), Some("200"));
        for (domain, mechanism, credentials) in [
            ("1", "CURVE", vec![known]),
            ("", "CURVE", vec![known]),
            ("0", "CURVE", vec![&[8; 32]]),
            ("0", "CURVE", vec![&known[1..]]),
            ("0", "CURVE", vec![]),
            ("0", "CURVE", vec![known, known]),
            ("0", "NULL", vec![]),
            ("0", "PLAIN", vec![b"user", b"password"]),
            ("0", "PLAIN", vec![known]),
        ] {
            let code = code(&question("1.0", domain, mechanism, &credentials));
            assert_eq!(code.as_deref(), Some("400"), "{domain} {mechanism}");
        }
    }

    #[test]
    fn what_is_no_question_has_no_answer() {
        assert_eq!(code(&question("2.0", "0", "CURVE", &[&[7; 32]])), None);
        assert_eq!(code(&[]), None);
        assert_eq!(code(&question("1.0", "0", "CURVE", &[])[..5]), None);
    }
}
