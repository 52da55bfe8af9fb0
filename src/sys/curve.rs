//! CURVE, the encryption and authentication of ZeroMQ (zmq_curve(7)), as far as libzmq has it: it was built with
//! libsodium or not. The zmq crate's own build of it was not; that of a distribution usually was.

use std::ffi::{CString, c_char};

use libc::c_int;
use nix::errno::Errno;

unsafe extern "C" {
    // Of libzmq, since 4.2; zmq-sys, which links to it, does not export it.
    fn zmq_curve_public(public: *mut c_char, secret: *const c_char) -> c_int;
}

/// A key in its binary form.
pub type Key = [u8; 32];

/// A key as text has 40 characters of Z85; C functions want a NUL behind it.
const TEXT: usize = 41;

/// Whether libzmq has CURVE.
#[must_use]
pub fn is_available() -> bool {
    zmq::has("curve") == Some(true)
}

/// A new pair of keys, the public and the secret one.
///
/// # Errors
/// `ENOTSUP` where libzmq has no CURVE.
pub fn generate() -> Result<(Key, Key), Errno> {
    let pair = zmq::CurveKeyPair::new().map_err(errno)?;
    Ok((pair.public_key, pair.secret_key))
}

/// The public key that belongs to a secret one (zmq_curve_public(3)).
///
/// # Errors
/// `ENOTSUP` where libzmq has no CURVE.
pub fn public_of(secret: &Key) -> Result<Key, Errno> {
    let secret = zmq::z85_encode(secret).map_err(|_| Errno::EINVAL)?;
    let secret = CString::new(secret).map_err(|_| Errno::EINVAL)?;
    let mut public = [0_u8; TEXT];
    // SAFETY: a string that outlives the call, and room for the 41 bytes that it writes.
    let result = unsafe { zmq_curve_public(public.as_mut_ptr().cast(), secret.as_ptr()) };
    Errno::result(result)?;
    let text = public.split(|byte| *byte == 0).next().unwrap_or(&[]);
    let text = std::str::from_utf8(text).map_err(|_| Errno::EINVAL)?;
    let key = zmq::z85_decode(text).map_err(|_| Errno::EINVAL)?;
    key.try_into().map_err(|_| Errno::EINVAL)
}

/// Makes a socket, before it is bound, the server of this key. Who is let in is asked of the ZAP handler of the context,
/// which is told this domain (RFC 27); where there is no handler, everybody is.
///
/// # Errors
/// `EINVAL` where libzmq has no CURVE.
pub fn serve(socket: &zmq::Socket, secret: &Key, domain: &str) -> Result<(), Errno> {
    socket.set_zap_domain(domain).map_err(errno)?;
    socket.set_curve_server(true).map_err(errno)?;
    socket.set_curve_secretkey(secret).map_err(errno)
}

/// Makes a socket, before it is connected, a client with this pair of keys, which talks to the server of that public
/// key and to no other.
///
/// # Errors
/// `EINVAL` where libzmq has no CURVE.
pub fn join(socket: &zmq::Socket, (public, secret): (&Key, &Key), server: &Key) -> Result<(), Errno> {
    socket.set_curve_serverkey(server).map_err(errno)?;
    socket.set_curve_publickey(public).map_err(errno)?;
    socket.set_curve_secretkey(secret).map_err(errno)
}

fn errno(error: zmq::Error) -> Errno {
    Errno::from_raw(error.to_raw())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_key_tells_its_public_one() {
        if !is_available() {
            assert_eq!(generate(), Err(Errno::ENOTSUP));
            assert_eq!(public_of(&[0; 32]), Err(Errno::ENOTSUP));
            println!("skipped: libzmq has no CURVE");
            return;
        }
        let (public, secret) = generate().unwrap();
        assert_eq!(public_of(&secret), Ok(public));
        assert_ne!(generate().unwrap(), (public, secret));
    }
}
