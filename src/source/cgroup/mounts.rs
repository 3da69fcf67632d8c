//! `/proc/self/mountinfo`: which hierarchies that may account memory are mounted where, and which part of them.

use super::Version;

/// A mounted hierarchy of control groups, or a part of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mount {
    pub(super) version: Version,
    /// The group that is seen at the mount point.
    pub(super) root: String,
    pub(super) point: String,
}

impl Mount {
    /// Every mount of cgroup v2 and of the v1 hierarchy that has the memory controller, in the order of the file.
    pub(super) fn all(mountinfo: &str) -> Vec<Mount> {
        mountinfo.lines().filter_map(Mount::parse).collect()
    }

    /// One line: `31 23 0:28 /root /point options fields - type source superoptions`.
    fn parse(line: &str) -> Option<Self> {
        let (mount, filesystem) = line.split_once(" - ")?;
        let mut mount = mount.split(' ').skip(3);
        let (root, point) = (unescape(mount.next()?), unescape(mount.next()?));
        let mut filesystem = filesystem.split(' ');
        let kind = filesystem.next()?;
        let version = version(kind, filesystem.nth(1)?)?;
        Some(Mount { version, root, point })
    }
}

/// v1 hierarchies say their controllers among the options; one may carry several, or a name instead.
fn version(kind: &str, options: &str) -> Option<Version> {
    match kind {
        "cgroup2" => Some(Version::V2),
        "cgroup" if options.split(',').any(|option| option == "memory") => Some(Version::V1),
        _ => None,
    }
}

/// Spaces, tabs, line ends and backslashes are written as three octal digits.
fn unescape(text: &str) -> String {
    let mut pieces = text.split('\\');
    let mut plain = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let character = piece.get(..3).and_then(|digits| u8::from_str_radix(digits, 8).ok());
        match character.filter(u8::is_ascii) {
            Some(character) => {
                plain.push(char::from(character));
                plain.push_str(piece.get(3..).unwrap_or_default());
            }
            None => {
                plain.push('\\');
                plain.push_str(piece);
            }
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mount_line_says_what_it_carries() {
        let mounts = Mount::all(
            "35 31 0:32 / /sys/fs/cgroup/memory rw,relatime shared:3 - cgroup cgroup rw,memory\n\
             36 31 0:33 /a /both rw - cgroup cgroup rw,cpu,memory\n\
             40 31 0:37 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,name=memory\n\
             41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n\
             42 31 0:39 / /sys rw - sysfs memory rw,memory\n\
             garbage\n35 31 0:32 /",
        );
        let found: Vec<_> =
            mounts.iter().map(|m| (m.version, m.root.as_str(), m.point.as_str())).collect();
        assert_eq!(
            found,
            [
                (Version::V1, "/", "/sys/fs/cgroup/memory"),
                (Version::V1, "/a", "/both"),
                (Version::V2, "/", "/sys/fs/cgroup/unified"),
            ]
        );
    }

    #[test]
    fn escapes_are_octal() {
        assert_eq!(unescape(r"/my\040group\134x2d"), r"/my group\x2d");
        assert_eq!(unescape(r"\011tab\012"), "\ttab\n");
        assert_eq!(unescape("/plain"), "/plain");
        assert_eq!(unescape(r"/odd\0"), r"/odd\0", "cut short");
        assert_eq!(unescape(r"/odd\xyz"), r"/odd\xyz", "no digits");
        assert_eq!(unescape(r"/caf\é"), r"/caf\é");
        assert_eq!(unescape(""), "");
    }
}
