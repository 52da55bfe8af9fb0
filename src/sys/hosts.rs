//! The names of hosts in a static program: those of `/etc/hosts`, as names of users are those of `/etc/passwd` there.
//!
//! A C library's own `getaddrinfo` loads shared libraries to look a name up, as `/etc/nsswitch.conf` has it. In a static
//! program these would have to come from the very same C library as the program, and in an empty root there are none. So
//! here are the functions that the linker takes in their place, for libzmq and for Rust's library. Nobody is asked over
//! the network: without CURVE, which a static program does not have, an endpoint is on this host.

use std::net::{IpAddr, Ipv4Addr};

/// Which addresses are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Family {
    Any,
    V4,
    V6,
    /// Those of IPv4, written as IPv6 has them, where there are no others.
    V6OrMapped,
}

/// Of which hosts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hosts<'a> {
    /// Those that are given as an address.
    Numeric,
    /// Those of this text too, which is that of hosts(5).
    Of(&'a str),
}

/// The addresses of a host, in the order in which they are to be tried.
fn addresses(host: &str, hosts: Hosts, family: Family) -> Vec<IpAddr> {
    let all = match (host.parse::<IpAddr>(), hosts) {
        (Ok(address), _) => vec![address],
        (Err(_), Hosts::Numeric) => Vec::new(),
        (Err(_), Hosts::Of(text)) => named(host, text),
    };
    let v6 = || all.iter().copied().filter(IpAddr::is_ipv6).collect::<Vec<_>>();
    let v4 = || all.iter().copied().filter(IpAddr::is_ipv4).collect::<Vec<_>>();
    match family {
        Family::V4 => v4(),
        Family::V6 => v6(),
        Family::V6OrMapped if v6().is_empty() => all.into_iter().map(mapped).collect(),
        Family::V6OrMapped => v6(),
        Family::Any => all,
    }
}

fn named(host: &str, text: &str) -> Vec<IpAddr> {
    let mut found: Vec<IpAddr> = text.lines().filter_map(|line| line_of(line, host)).collect();
    // It is that everywhere, whether a file says so or not (RFC 6761, 6.3). Who wants the other one writes its address, as
    // libzmq tries but one.
    if found.is_empty() && host.eq_ignore_ascii_case("localhost") {
        found.push(Ipv4Addr::LOCALHOST.into());
    }
    found
}

/// The address of a line of hosts(5), if it is one of this host.
fn line_of(line: &str, host: &str) -> Option<IpAddr> {
    let line = line.split('#').next()?;
    let mut words = line.split_whitespace();
    let address = words.next()?.parse().ok()?;
    words.any(|name| name.eq_ignore_ascii_case(host)).then_some(address)
}

fn mapped(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().into(),
        IpAddr::V6(_) => address,
    }
}

/// What a C program sees of it.
#[cfg(target_feature = "crt-static")]
mod c {
    use super::{Family, Hosts, addresses};
    use libc::{
        AF_INET, AF_INET6, AF_UNSPEC, AI_NUMERICHOST, AI_V4MAPPED, EAI_FAMILY, EAI_NONAME, EAI_OVERFLOW,
        EAI_SERVICE, addrinfo, c_char, c_int, sockaddr, sockaddr_in, sockaddr_in6, socklen_t,
    };
    use nix::sys::socket::{SockaddrIn, SockaddrIn6, SockaddrLike, SockaddrStorage};
    use std::ffi::CStr;
    use std::net::{IpAddr, SocketAddrV4, SocketAddrV6};
    use std::{fs, ptr};

    const HOSTS: &str = "/etc/hosts";

    /// One address of an answer, which [`freeaddrinfo`] takes back.
    #[repr(C)]
    struct Entry {
        /// First, so that a pointer to it is one to all of it.
        info: addrinfo,
        address: Address,
    }

    #[repr(C)]
    union Address {
        v4: sockaddr_in,
        v6: sockaddr_in6,
    }

    /// getaddrinfo(3) without a service, for whoever links to it.
    ///
    /// # Safety
    /// As the C library's: `node` and `service` are null or strings, `hints` is null or points to some, and `result` to
    /// where the answer is to be.
    #[unsafe(no_mangle)]
    pub unsafe extern "C" fn getaddrinfo(
        node: *const c_char,
        service: *const c_char,
        hints: *const addrinfo,
        result: *mut *mut addrinfo,
    ) -> c_int {
        if !service.is_null() {
            return EAI_SERVICE;
        }
        if node.is_null() {
            return EAI_NONAME;
        }
        // SAFETY: it is a string, as the caller promises.
        let Ok(node) = unsafe { CStr::from_ptr(node) }.to_str() else { return EAI_NONAME };
        // SAFETY: null, or valid for as long as this runs.
        let hints = unsafe { hints.as_ref() };
        let (flags, family, kind, protocol) = hints
            .map_or((0, AF_UNSPEC, 0, 0), |it| (it.ai_flags, it.ai_family, it.ai_socktype, it.ai_protocol));
        let family = match family {
            AF_UNSPEC => Family::Any,
            AF_INET => Family::V4,
            AF_INET6 if flags & AI_V4MAPPED != 0 => Family::V6OrMapped,
            AF_INET6 => Family::V6,
            _ => return EAI_FAMILY,
        };
        let found = if flags & AI_NUMERICHOST != 0 {
            addresses(node, Hosts::Numeric, family)
        } else {
            // One that cannot be read has no names in it.
            addresses(node, Hosts::Of(&fs::read_to_string(HOSTS).unwrap_or_default()), family)
        };
        let mut first = ptr::null_mut();
        for address in found.into_iter().rev() {
            first = entry(address, kind, protocol, first);
        }
        if first.is_null() {
            return EAI_NONAME;
        }
        // SAFETY: the caller's place for it.
        unsafe { result.write(first) };
        0
    }

    fn entry(address: IpAddr, kind: c_int, protocol: c_int, next: *mut addrinfo) -> *mut addrinfo {
        let (family, length, address) = match address {
            IpAddr::V4(address) => {
                let v4 = SockaddrIn::from(SocketAddrV4::new(address, 0));
                (AF_INET, v4.len(), Address { v4: *v4.as_ref() })
            }
            IpAddr::V6(address) => {
                let v6 = SockaddrIn6::from(SocketAddrV6::new(address, 0, 0, 0));
                (AF_INET6, v6.len(), Address { v6: *v6.as_ref() })
            }
        };
        let info = addrinfo {
            ai_flags: 0,
            ai_family: family,
            ai_socktype: kind,
            ai_protocol: protocol,
            ai_addrlen: length,
            ai_addr: ptr::null_mut(),
            ai_canonname: ptr::null_mut(),
            ai_next: next,
        };
        let entry = Box::into_raw(Box::new(Entry { info, address }));
        // SAFETY: it was made just now, and nobody else has it.
        unsafe { (*entry).info.ai_addr = (&raw mut (*entry).address).cast() };
        entry.cast()
    }

    /// freeaddrinfo(3), for whoever links to it.
    ///
    /// # Safety
    /// As the C library's: null, or what [`getaddrinfo`] gave and nobody uses any more.
    #[unsafe(no_mangle)]
    pub unsafe extern "C" fn freeaddrinfo(mut first: *mut addrinfo) {
        while !first.is_null() {
            // SAFETY: `entry` made each of them out of a box.
            let entry = unsafe { Box::from_raw(first.cast::<Entry>()) };
            first = entry.info.ai_next;
        }
    }

    /// getnameinfo(3) with `NI_NUMERICHOST` and without a service, for whoever links to it.
    ///
    /// # Safety
    /// As the C library's: `address` points to so many bytes, and there is room for as many at `host`.
    #[unsafe(no_mangle)]
    pub unsafe extern "C" fn getnameinfo(
        address: *const sockaddr,
        length: socklen_t,
        host: *mut c_char,
        room: socklen_t,
        service: *mut c_char,
        _: socklen_t,
        _: c_int,
    ) -> c_int {
        if !service.is_null() {
            return EAI_SERVICE;
        }
        // SAFETY: so many bytes are there, as the caller promises; how many each family takes is checked.
        let Some(address) = (unsafe { SockaddrStorage::from_raw(address, Some(length)) }) else {
            return EAI_FAMILY;
        };
        let text = match (address.as_sockaddr_in(), address.as_sockaddr_in6()) {
            (Some(v4), _) => v4.ip().to_string(),
            (None, Some(v6)) if v6.scope_id() != 0 => format!("{}%{}", v6.ip(), v6.scope_id()),
            (None, Some(v6)) => v6.ip().to_string(),
            (None, None) => return EAI_FAMILY,
        };
        if text.len() >= room as usize {
            return EAI_OVERFLOW;
        }
        // SAFETY: there is room for the text and for the NUL at its end.
        unsafe {
            host.copy_from_nonoverlapping(text.as_ptr().cast(), text.len());
            host.add(text.len()).write(0);
        }
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "127.0.0.1 localhost\n::1 ip6-localhost  LocalHost # not: web\n# 1.2.3.4 web\n\
                        10.0.0.1\tweb web.example\nfe80::1 web\nnonsense web\n10.0.0.2 web\n";

    fn found(host: &str, family: Family) -> Vec<String> {
        addresses(host, Hosts::Of(TEXT), family).iter().map(IpAddr::to_string).collect()
    }

    #[test]
    fn names_are_those_of_the_file() {
        assert_eq!(found("web", Family::Any), ["10.0.0.1", "fe80::1", "10.0.0.2"]);
        assert_eq!(found("WEB.example", Family::Any), ["10.0.0.1"]);
        assert_eq!(found("localhost", Family::V6), ["::1"]);
        assert_eq!(found("localhost", Family::V6OrMapped), ["::1"]);
        assert_eq!(found("web.example", Family::V6OrMapped), ["::ffff:10.0.0.1"]);
        for (host, family) in [("web.example", Family::V6), ("example", Family::Any), ("", Family::Any)] {
            assert!(found(host, family).is_empty(), "{host}");
        }
    }

    #[test]
    fn addresses_need_no_file() {
        assert_eq!(found("192.0.2.7", Family::V4), ["192.0.2.7"]);
        assert_eq!(found("2001:db8::1", Family::Any), ["2001:db8::1"]);
        assert!(found("192.0.2.7", Family::V6).is_empty());
        assert!(addresses("web", Hosts::Numeric, Family::Any).is_empty());
        assert_eq!(addresses("Localhost", Hosts::Of(""), Family::Any), [IpAddr::from(Ipv4Addr::LOCALHOST)]);
    }
}
