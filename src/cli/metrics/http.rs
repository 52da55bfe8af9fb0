//! As much of HTTP/1.1 (RFC 9112) as it takes to be scraped: the head of a request is read, one response is written,
//! and the connection ends.

use crate::cli::render::time;
use std::fmt;
use std::rc::Rc;

/// The most bytes that the head of a request may have.
const MAX_HEAD: usize = 8 << 10;
/// The most fields that it may have.
const MAX_FIELDS: usize = 64;

/// What is known of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request {
    /// Its head has not come to its end.
    Incomplete,
    /// It asks for the metrics.
    Metrics(Part),
    /// It asks for what there is here.
    Front(Part),
    /// It is refused.
    Refused(Status, Part),
}

/// What of a response is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// All of it: GET.
    Whole,
    /// Its head: HEAD.
    Head,
}

/// A status of a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// 200.
    Found,
    /// 400.
    BadRequest,
    /// 404.
    NotFound,
    /// 405.
    MethodNotAllowed,
    /// 431.
    HeadTooLarge,
    /// 503.
    Unavailable,
}

/// A response.
#[derive(Clone, Debug)]
pub struct Response {
    /// Its status.
    pub status: Status,
    /// The type of its body.
    pub content_type: &'static str,
    /// Its body, which several clients may be given.
    pub body: Rc<[u8]>,
}

/// The type of what people read.
const PLAIN: &str = "text/plain; charset=utf-8";

/// Understands what has come of a request.
pub fn understand(bytes: &[u8]) -> Request {
    let mut fields = [httparse::EMPTY_HEADER; MAX_FIELDS];
    let mut request = httparse::Request::new(&mut fields);
    match request.parse(bytes) {
        Ok(httparse::Status::Complete(length)) if length <= MAX_HEAD => judge(&request),
        Ok(httparse::Status::Partial) if bytes.len() <= MAX_HEAD => Request::Incomplete,
        Ok(_) | Err(httparse::Error::TooManyHeaders) => Request::Refused(Status::HeadTooLarge, Part::Whole),
        Err(_) => Request::Refused(Status::BadRequest, Part::Whole),
    }
}

fn judge(request: &httparse::Request<'_, '_>) -> Request {
    let hosts = request.headers.iter().filter(|field| field.name.eq_ignore_ascii_case("host")).count();
    // RFC 9112, section 3.2. Version 1.0 had none.
    if hosts > 1 || (hosts == 0 && request.version == Some(1)) {
        return Request::Refused(Status::BadRequest, Part::Whole);
    }
    let part = if request.method == Some("HEAD") { Part::Head } else { Part::Whole };
    let path = request.path.unwrap_or("").split('?').next().unwrap_or("");
    let target = match path {
        "/metrics" => Request::Metrics(part),
        "/" => Request::Front(part),
        _ => return Request::Refused(Status::NotFound, part),
    };
    match request.method {
        Some("GET" | "HEAD") => target,
        Some(_) | None => Request::Refused(Status::MethodNotAllowed, part),
    }
}

impl Status {
    /// Its number and its words.
    fn as_str(self) -> &'static str {
        match self {
            Status::Found => "200 OK",
            Status::BadRequest => "400 Bad Request",
            Status::NotFound => "404 Not Found",
            Status::MethodNotAllowed => "405 Method Not Allowed",
            Status::HeadTooLarge => "431 Request Header Fields Too Large",
            Status::Unavailable => "503 Service Unavailable",
        }
    }

    /// A field that this status has to have.
    fn field(self) -> &'static str {
        match self {
            Status::MethodNotAllowed => "Allow: GET, HEAD\r\n",
            Status::Found
            | Status::BadRequest
            | Status::NotFound
            | Status::HeadTooLarge
            | Status::Unavailable => "",
        }
    }

    /// What is wrong, for people.
    fn sentence(self) -> &'static str {
        match self {
            Status::Found => "The metrics are at /metrics.\n",
            Status::BadRequest => "This is no request that is understood here.\n",
            Status::NotFound => "There is nothing here but /metrics.\n",
            Status::MethodNotAllowed => "There is nothing to do here but GET and HEAD.\n",
            Status::HeadTooLarge => "The head of the request is too large.\n",
            Status::Unavailable => "There is no answer.\n",
        }
    }
}

impl Response {
    /// A response that says its status in a sentence.
    pub fn of_status(status: Status) -> Self {
        Self::sentence(status, status.sentence())
    }

    /// A response of a sentence.
    pub fn sentence(status: Status, sentence: &str) -> Self {
        Self { status, content_type: PLAIN, body: sentence.as_bytes().into() }
    }

    /// Its head, at this time in seconds since 1970.
    pub fn head(&self, now: f64) -> Vec<u8> {
        let Self { status, content_type, body } = self;
        format!(
            "HTTP/1.1 {status}\r\nDate: {}\r\nContent-Type: {content_type}\r\nContent-Length: {}\r\n{}Connection: close\r\n\r\n",
            time::http_date(now),
            body.len(),
            status.field()
        )
        .into_bytes()
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(head: &str) -> Request {
        understand(head.replace('\n', "\r\n").as_bytes())
    }

    #[test]
    fn what_is_asked_for_is_understood() {
        assert_eq!(asked("GET /metrics HTTP/1.1\nHost: x\n\n"), Request::Metrics(Part::Whole));
        assert_eq!(
            asked("GET /metrics?a=b HTTP/1.1\nhost: x\nAccept: */*\n\n"),
            Request::Metrics(Part::Whole)
        );
        assert_eq!(asked("HEAD /metrics HTTP/1.1\nHost: x\n\n"), Request::Metrics(Part::Head));
        assert_eq!(asked("GET /metrics HTTP/1.0\n\n"), Request::Metrics(Part::Whole));
        assert_eq!(asked("GET / HTTP/1.1\nHost: x\n\n"), Request::Front(Part::Whole));
        let refused = |head: &str, status, part| assert_eq!(asked(head), Request::Refused(status, part));
        refused("GET /metrics/ HTTP/1.1\nHost: x\n\n", Status::NotFound, Part::Whole);
        refused("HEAD /x HTTP/1.1\nHost: x\n\n", Status::NotFound, Part::Head);
        refused("POST /metrics HTTP/1.1\nHost: x\n\n", Status::MethodNotAllowed, Part::Whole);
        refused("get /metrics HTTP/1.1\nHost: x\n\n", Status::MethodNotAllowed, Part::Whole);
    }

    #[test]
    fn what_is_no_request_is_refused() {
        let bad = Request::Refused(Status::BadRequest, Part::Whole);
        for head in [
            "GET /metrics HTTP/1.1\n\n",
            "GET /metrics HTTP/1.1\nHost: x\nHost: y\n\n",
            "GET /metrics HTTP/2.0\nHost: x\n\n",
            "\u{1}\u{2}\u{3}",
            "GET /metrics HTTP/1.1\nno colon\n\n",
        ] {
            assert_eq!(asked(head), bad, "{head:?}");
        }
        assert_eq!(understand(&[0xff; 20]), bad);
        // TLS.
        assert_eq!(understand(&[0x16, 3, 1, 2, 0, 1]), bad);
    }

    #[test]
    fn a_head_is_bounded() {
        for incomplete in ["", "G", "GET /metrics HTTP/1.1\n", "GET /metrics HTTP/1.1\nHost: x\n"] {
            assert_eq!(asked(incomplete), Request::Incomplete, "{incomplete:?}");
        }
        let too_large = Request::Refused(Status::HeadTooLarge, Part::Whole);
        let long = format!("GET /metrics HTTP/1.1\nHost: x\nX: {}", "y".repeat(MAX_HEAD));
        assert_eq!(asked(&long), too_large);
        assert_eq!(asked(&format!("{long}\n\n")), too_large);
        let many = format!("GET /metrics HTTP/1.1\nHost: x\n{}\n", "X: y\n".repeat(MAX_FIELDS));
        assert_eq!(asked(&many), too_large);
    }

    #[test]
    fn a_head_says_what_follows_it() {
        let head = String::from_utf8(Response::of_status(Status::MethodNotAllowed).head(784_111_777.0));
        assert_eq!(
            head.unwrap(),
            "HTTP/1.1 405 Method Not Allowed\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n\
             Content-Type: text/plain; charset=utf-8\r\nContent-Length: 46\r\nAllow: GET, HEAD\r\n\
             Connection: close\r\n\r\n"
        );
    }
}
