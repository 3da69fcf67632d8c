//! The source trees on disk: projects, cut into parts that are small enough to be indexed in one go.

use crate::Result;
use bytesize::ByteSize;
use ignore::{DirEntry, WalkBuilder};
use std::path::{Path, PathBuf};

/// Files that tell that a directory is a project, whatever else is in it.
const MANIFESTS: [&str; 6] =
    ["Cargo.toml", "package.json", "pyproject.toml", "go.mod", "pom.xml", "CMakeLists.txt"];

/// What counts as source text, by the end of its name.
const EXTENSIONS: [&str; 28] = [
    "rs", "toml", "md", "c", "h", "cc", "cpp", "hpp", "m", "S", "py", "js", "ts", "tsx", "go",
    "java", "kt", "swift", "rb", "php", "cs", "scala", "hs", "ml", "sh", "lua", "zig", "sql",
];

/// Larger files are data or generated, and would make parts that cannot be kept small.
const LARGEST_FILE: u64 = 1 << 20;

/// How much to take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    pub(crate) projects: u64,
    pub(crate) bytes: u64,
    /// Source text in one part; at least the largest file.
    pub(crate) part_bytes: u64,
}

/// A project, or a piece of one that is too large to be indexed in one go.
#[derive(Debug)]
pub(crate) struct Part {
    pub(crate) root: PathBuf,
    /// Below `root`.
    pub(crate) files: Vec<Box<Path>>,
    /// As the file system has it.
    pub(crate) bytes: u64,
}

/// Everything that can be searched.
#[derive(Debug, Default)]
pub(crate) struct Corpus {
    pub(crate) parts: Vec<Part>,
    pub(crate) projects: u64,
    bytes: u64,
}

impl Corpus {
    /// Finds the projects below `roots`; reads no file.
    pub(crate) fn scan(roots: &[PathBuf], bounds: &Bounds) -> Result<Self> {
        let mut corpus = Corpus::default();
        for root in roots {
            corpus.descend(root, bounds);
        }
        match corpus.parts.is_empty() {
            true => Err(format!("no source files in {}", list(roots)).into()),
            false => Ok(corpus),
        }
    }

    /// Source text in the largest part.
    pub(crate) fn largest_part_bytes(&self) -> u64 {
        self.parts.iter().map(|part| part.bytes).max().unwrap_or(0)
    }

    /// Takes `dir` as a project, or looks for projects in it.
    fn descend(&mut self, dir: &Path, bounds: &Bounds) {
        if self.is_full(bounds) {
            return;
        }
        let entries = entries(dir);
        if entries.iter().any(|entry| is_manifest(entry) || source_bytes(entry).is_some()) {
            return self.add_project(dir, bounds);
        }
        let is_dir = |entry: &&DirEntry| entry.file_type().is_some_and(|kind| kind.is_dir());
        entries.iter().filter(is_dir).for_each(|entry| self.descend(entry.path(), bounds));
    }

    fn add_project(&mut self, root: &Path, bounds: &Bounds) {
        let before = self.parts.len();
        let mut part = Part::new(root);
        for entry in walk(root).build().flatten() {
            let Some(bytes) = source_bytes(&entry) else { continue };
            if self.bytes + bytes > bounds.bytes {
                break;
            }
            if part.bytes + bytes > bounds.part_bytes {
                self.parts.extend(std::mem::replace(&mut part, Part::new(root)).finished());
            }
            part.add(entry.path(), bytes);
            self.bytes += bytes;
        }
        self.parts.extend(part.finished());
        self.projects += u64::from(self.parts.len() > before);
    }

    fn is_full(&self, bounds: &Bounds) -> bool {
        self.projects >= bounds.projects || self.bytes >= bounds.bytes
    }
}

impl Part {
    fn new(root: &Path) -> Self {
        Part { root: root.to_owned(), files: Vec::new(), bytes: 0 }
    }

    fn add(&mut self, path: &Path, bytes: u64) {
        self.files.push(path.strip_prefix(&self.root).unwrap_or(path).into());
        self.bytes += bytes;
    }

    /// Without room to spare, since all parts stay in memory; nothing when it has no files.
    fn finished(mut self) -> Option<Self> {
        self.files.shrink_to_fit();
        (!self.files.is_empty()).then_some(self)
    }

    /// For people.
    pub(crate) fn name(&self) -> String {
        self.root.file_name().unwrap_or(self.root.as_os_str()).to_string_lossy().into_owned()
    }
}

impl std::fmt::Display for Corpus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let files: usize = self.parts.iter().map(|part| part.files.len()).sum();
        let bytes = ByteSize(self.bytes).display().iec();
        write!(
            f,
            "{} projects, {files} files, {bytes}, in {} parts",
            self.projects,
            self.parts.len()
        )
    }
}

/// In the order of their names, so that the same trees make the same parts.
fn walk(root: &Path) -> WalkBuilder {
    let mut walk = WalkBuilder::new(root);
    walk.sort_by_file_name(|a, b| a.cmp(b));
    walk
}

fn entries(dir: &Path) -> Vec<DirEntry> {
    walk(dir).max_depth(Some(1)).build().flatten().filter(|entry| entry.depth() == 1).collect()
}

fn is_manifest(entry: &DirEntry) -> bool {
    entry.file_name().to_str().is_some_and(|name| MANIFESTS.contains(&name))
}

/// The size of a source file; `None` for anything else, and for what is too large.
fn source_bytes(entry: &DirEntry) -> Option<u64> {
    let extension = entry.path().extension()?.to_str()?;
    if !EXTENSIONS.contains(&extension) || !entry.file_type()?.is_file() {
        return None;
    }
    entry.metadata().ok().map(|file| file.len()).filter(|&bytes| bytes > 0 && bytes <= LARGEST_FILE)
}

fn list(paths: &[PathBuf]) -> String {
    paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ")
}
