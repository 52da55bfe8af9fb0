//! Where the supervisor's sockets are unless told otherwise. The supervisor and its clients both ask here, so that
//! they meet without being told.

use crate::sys::process::own_effective_uid;
use std::ffi::OsString;
use std::path::PathBuf;

/// The variable that tells programs, and the client commands among them, where the supervisor is.
pub const RPC_VARIABLE: &str = "PROCNANNY_RPC";

/// The runtime directory of whoever asks: `/run/procnanny` for root, `$XDG_RUNTIME_DIR/procnanny` for others, and
/// `/tmp/procnanny-UID` where that variable is missing. Nothing is made or checked here.
#[must_use]
pub fn default_runtime_dir() -> PathBuf {
    directory_for(own_effective_uid(), std::env::var_os("XDG_RUNTIME_DIR"))
}

/// A relative path counts as no path, as the XDG base directory specification asks for.
fn directory_for(uid: u32, xdg_runtime_dir: Option<OsString>) -> PathBuf {
    if uid == 0 {
        return PathBuf::from("/run/procnanny");
    }
    match xdg_runtime_dir.map(PathBuf::from).filter(|path| path.is_absolute()) {
        Some(path) => path.join("procnanny"),
        None => PathBuf::from(format!("/tmp/procnanny-{uid}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_has_one() {
        let of = |uid, xdg: Option<&str>| directory_for(uid, xdg.map(OsString::from));
        assert_eq!(of(0, Some("/run/user/0")), PathBuf::from("/run/procnanny"));
        assert_eq!(of(1000, Some("/run/user/1000")), PathBuf::from("/run/user/1000/procnanny"));
        assert_eq!(of(1000, None), PathBuf::from("/tmp/procnanny-1000"));
        assert_eq!(of(1000, Some("")), PathBuf::from("/tmp/procnanny-1000"));
        assert_eq!(of(1000, Some("run")), PathBuf::from("/tmp/procnanny-1000"));
    }
}
