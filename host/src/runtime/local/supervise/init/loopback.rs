//! Brings up `lo` in a new network namespace, in which it is there and down.

use std::io;

use rustix::net::netlink::SocketAddrNetlink;
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketType, recv, sendto, socket};

/// `RTM_NEWLINK`.
const NEW_LINK: u16 = 16;
/// `NLM_F_REQUEST | NLM_F_ACK`.
const REQUEST_AND_ACK: u16 = 1 | 4;
/// `NLMSG_ERROR`, which is also how success is acknowledged.
const ERROR: u16 = 2;
/// `IFF_UP`.
const UP: u32 = 1;
/// The loopback interface is the first of every network namespace.
const LOOPBACK: i32 = 1;

/// Sends one netlink request, and waits for its acknowledgement.
pub(super) fn up() -> io::Result<()> {
    // Protocol 0 of the family is the one for routes and interfaces.
    let socket = socket(AddressFamily::NETLINK, SocketType::RAW, None)?;
    sendto(
        &socket,
        &request(),
        SendFlags::empty(),
        &SocketAddrNetlink::new(0, 0),
    )?;
    let mut answer = [0; 256];
    let (_, len) = recv(&socket, &mut answer[..], RecvFlags::empty())?;
    match errno(answer.get(..len).unwrap_or_default()) {
        Some(0) => Ok(()),
        Some(errno) => Err(io::Error::from_raw_os_error(-errno)),
        None => Err(io::ErrorKind::InvalidData.into()),
    }
}

/// `struct nlmsghdr`, then `struct ifinfomsg`.
fn request() -> [u8; 32] {
    let mut bytes = [0; 32];
    let mut fields: Vec<u8> = Vec::with_capacity(bytes.len());
    fields.extend(32_u32.to_ne_bytes());
    fields.extend(NEW_LINK.to_ne_bytes());
    fields.extend(REQUEST_AND_ACK.to_ne_bytes());
    // The sequence number, and the kernel as the other side; then family, padding and type, which do not matter.
    fields.extend([1_u32, 0, 0].map(u32::to_ne_bytes).concat());
    fields.extend(LOOPBACK.to_ne_bytes());
    // The flags, and which of them are to change.
    fields.extend([UP, UP].map(u32::to_ne_bytes).concat());
    bytes.copy_from_slice(&fields);
    bytes
}

/// The negative error number of an acknowledgement.
fn errno(answer: &[u8]) -> Option<i32> {
    let kind = answer.get(4..6)?.try_into().ok()?;
    let number = answer.get(16..20)?.try_into().ok()?;
    (u16::from_ne_bytes(kind) == ERROR).then(|| i32::from_ne_bytes(number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_request_is_as_long_as_it_says_and_an_answer_is_read() {
        let request = request();
        assert_eq!(u32::from_ne_bytes(request[..4].try_into().unwrap()), 32);
        let mut answer = [0; 36];
        answer[4..6].copy_from_slice(&ERROR.to_ne_bytes());
        assert_eq!(errno(&answer), Some(0));
        answer[16..20].copy_from_slice(&(-1_i32).to_ne_bytes());
        assert_eq!(errno(&answer), Some(-1));
        assert_eq!(errno(&answer[..10]), None);
    }
}
