//! Where the program and its libraries lie in memory, and which builds they are: what a tool outside needs to name addresses.

use super::program_file::build_id_of;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// So many at most: a program that has more mapped files with code in them names the first.
const MOST: usize = 1024;

/// What the system writes behind the path of a file that is there no more.
const DELETED: &str = " (deleted)";

/// A part of a file that is mapped as code.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Mapping {
    /// The address of its first byte.
    pub start: u64,
    /// The address behind its last byte.
    pub end: u64,
    /// Where in the file it begins, in bytes.
    pub file_offset: u64,
    /// The file.
    pub path: String,
    /// The build id that the linker wrote into the file, in hexadecimal; `None` where it wrote none or cannot be read.
    pub build_id: Option<String>,
}

impl Mapping {
    /// Where in the file `address` is; `None` when it is in none of this part.
    pub(super) fn offset_of(&self, address: u64) -> Option<u64> {
        let within = (self.start..self.end).contains(&address).then(|| address - self.start)?;
        within.checked_add(self.file_offset)
    }

    /// Where the file can be read, if what lies there is still what is mapped.
    pub(super) fn file(&self) -> Option<PathBuf> {
        let own = own_file(&self.path).or_else(|| own_file(&format!("{}{DELETED}", self.path)));
        let same = || {
            let is_same = self.build_id.is_some() && build_id(&self.path) == self.build_id;
            is_same.then(|| PathBuf::from(&self.path))
        };
        own.or_else(same)
    }

    /// The file's name without its directory.
    pub(super) fn file_name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or(&self.path)
    }
}

/// Those of this process; empty where the system does not tell.
pub(super) fn read() -> Vec<Mapping> {
    identified(&std::fs::read_to_string("/proc/self/maps").unwrap_or_default())
}

fn identified(maps: &str) -> Vec<Mapping> {
    let mut mappings = parse(maps);
    let mut known = BTreeMap::new();
    for mapping in &mut mappings {
        let path = mapping.path.clone();
        mapping.build_id = known.entry(path).or_insert_with_key(|path| build_id(path)).clone();
        mapping.path.truncate(mapping.path.trim_end_matches(DELETED).len());
    }
    mappings
}

/// The mappings with code of a file in them.
fn parse(maps: &str) -> Vec<Mapping> {
    maps.lines().filter_map(mapping).take(MOST).collect()
}

/// `start-end perms offset device inode path`, of which the path may hold spaces or be missing.
fn mapping(line: &str) -> Option<Mapping> {
    let mut rest = line;
    let mut word = || {
        let (word, after) = rest.trim_start().split_once(' ')?;
        rest = after;
        Some(word)
    };
    let (range, access, offset) = (word()?, word()?, word()?);
    let (_device, _inode) = (word()?, word()?);
    let path = rest.trim_start();
    let hexadecimal = |text| u64::from_str_radix(text, 16).ok();
    let (start, end) = range.split_once('-')?;
    let is_code = access.contains('x') && (path.starts_with('/') || path == "[vdso]");
    is_code.then_some(Mapping {
        start: hexadecimal(start)?,
        end: hexadecimal(end)?,
        file_offset: hexadecimal(offset)?,
        path: path.to_owned(),
        build_id: None,
    })
}

/// The build id in the ELF file that is mapped as `path`.
fn build_id(path: &str) -> Option<String> {
    match own_file(path) {
        Some(own) => build_id_of(&own),
        // What lies there now is another file.
        None if path.ends_with(DELETED) => None,
        None => build_id_of(Path::new(path)),
    }
}

/// The program itself, if it is what is mapped as `path`: it can be read even when its file was replaced meanwhile.
fn own_file(path: &str) -> Option<PathBuf> {
    let own = PathBuf::from("/proc/self/exe");
    let is_own = std::fs::read_link(&own).is_ok_and(|it| it.to_string_lossy() == path);
    is_own.then_some(own)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAPS: &str = "\
55d0c0a00000-55d0c0a21000 r--p 00000000 fe:01 1234    /opt/my service/bin
55d0c0a21000-55d0c0b00000 r-xp 00021000 fe:01 1234    /opt/my service/bin (deleted)
55d0c2000000-55d0c2021000 rw-p 00000000 00:00 0       [heap]
7f0000000000-7f0000021000 rwxp 00000000 00:00 0
7f1200000000-7f1200100000 r-xp 00026000 fe:01 99      /lib/libc.so.6
7ffd1c9f0000-7ffd1c9f2000 r-xp 00000000 00:00 0       [vdso]
nonsense
";

    #[test]
    fn only_code_of_files_is_named() {
        let found = identified(MAPS);
        let names: Vec<_> = found.iter().map(Mapping::file_name).collect();
        assert_eq!(names, ["bin", "libc.so.6", "[vdso]"]);
        assert_eq!(found[0].path, "/opt/my service/bin");
        assert_eq!(found[0].offset_of(0x55d0_c0a2_1010), Some(0x21010));
        assert_eq!(found[0].offset_of(found[0].end), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_program_is_among_its_mappings() {
        let own = read().into_iter().find(|it| it.offset_of(read as *const () as u64).is_some());
        let own = own.expect("this function lies in a file");
        let exe = std::env::current_exe().expect("a path");
        assert_eq!(own.path, exe.to_string_lossy());
        assert_eq!(own.build_id, build_id_of(&exe));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_file_that_was_replaced_is_not_taken_for_what_lies_there_now() {
        let exe = std::env::current_exe().expect("a path");
        let maps = std::fs::read_to_string("/proc/self/maps").expect("a text");
        let of_library = |line: &&str| {
            let library = mapping(line).filter(|it| it.path != exe.to_string_lossy());
            library.is_some_and(|it| build_id_of(Path::new(&it.path)).is_some())
        };
        let line = maps.lines().find(of_library).expect("a library with a build id");
        let (now, replaced) = (identified(line), identified(&format!("{line}{DELETED}")));
        assert!(now[0].build_id.is_some());
        assert_eq!((&replaced[0].path, &replaced[0].build_id), (&now[0].path, &None));
    }

    #[test]
    fn a_file_that_is_no_program_has_no_build_id() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        for content in
            [&b""[..], b"\x7fELF", b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\xff\xff\xff\xff"]
        {
            std::fs::write(file.path(), content).expect("written");
            assert_eq!(build_id_of(file.path()), None);
        }
        assert_eq!(build_id_of(Path::new("/nowhere")), None);
    }
}
