//! Who a home belongs to, by number.

use std::os::fd::AsFd;
use std::str::FromStr;

use rustix::fs::{Gid, Uid, fchown};
use rustix::io::Errno;

/// A user and a group of the workspace, by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owner {
    /// The user.
    pub uid: u32,
    /// The group.
    pub gid: u32,
}

/// A text that is no [`Owner`].
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected `uid` or `uid:gid` in decimal digits, found something else")]
pub struct NoOwner;

/// `uid` or `uid:gid`; the group of a user that names none has the user's own number.
impl FromStr for Owner {
    type Err = NoOwner;

    fn from_str(text: &str) -> Result<Self, NoOwner> {
        let (uid, gid) = text.split_once(':').unwrap_or((text, text));
        Ok(Self {
            uid: number(uid)?,
            gid: number(gid)?,
        })
    }
}

/// The highest number is no user: the system takes it for "leave it as it is".
fn number(text: &str) -> Result<u32, NoOwner> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let number = text.parse().ok().filter(|number| *number < u32::MAX);
    number.filter(|_| digits).ok_or(NoOwner)
}

impl Owner {
    /// Makes this user the owner of something that is open.
    pub(super) fn takes(self, what: impl AsFd) -> Result<(), Errno> {
        fchown(
            what,
            Some(Uid::from_raw(self.uid)),
            Some(Gid::from_raw(self.gid)),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_a_number_or_two() {
        let owner = |uid, gid| Ok(Owner { uid, gid });
        assert_eq!("1000:2000".parse(), owner(1000, 2000));
        assert_eq!("1000".parse(), owner(1000, 1000));
        for bad in [
            "",
            ":",
            "1:",
            ":1",
            "1:2:3",
            "node",
            "1:node",
            "+1",
            "-1",
            " 1",
            "4294967295",
        ] {
            assert_eq!(bad.parse::<Owner>(), Err(NoOwner), "{bad:?}");
        }
    }
}
