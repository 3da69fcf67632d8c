//! The Unix socket for tools on this machine: its name, which they can work out, and its file, which is the user's own.

use crate::error::Error;
use crate::monitor::SocketPlace;
#[cfg(unix)]
use std::io;
use std::path::{Path, PathBuf};

/// A socket that is listened at; its file goes with it.
#[derive(Debug)]
pub(super) struct Socket {
    #[cfg(unix)]
    listener: std::os::unix::net::UnixListener,
    path: PathBuf,
}

impl Socket {
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The listener, which does not block.
    #[cfg(unix)]
    pub(super) fn listener(&self) -> io::Result<std::os::unix::net::UnixListener> {
        self.listener.set_nonblocking(true)?;
        self.listener.try_clone()
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        // It may have been taken away by whoever cleans up there.
        let _ = std::fs::remove_file(&self.path);
    }
}

/// Listens at `place`, if it is one.
///
/// # Errors
/// When something else lies there, somebody listens there, or the system refuses.
#[cfg(unix)]
pub(super) fn listen(place: &SocketPlace) -> Result<Option<Socket>, Error> {
    let path = match place {
        SocketPlace::Nowhere => return Ok(None),
        SocketPlace::At(path) => path.clone(),
        SocketPlace::Usual => usual(),
    };
    let refused = |source| Error::Monitoring { what: "listening at the socket", source };
    clear(&path).map_err(refused)?;
    let listener = bind(&path).map_err(refused)?;
    Ok(Some(Socket { listener, path }))
}

/// # Errors
/// There are no such sockets here.
#[cfg(not(unix))]
pub(super) fn listen(place: &SocketPlace) -> Result<Option<Socket>, Error> {
    match place {
        SocketPlace::Nowhere => Ok(None),
        _ => Err(Error::setting("socket", "on", "off: this system has no Unix sockets")),
    }
}

/// `plimsoll-<pid>-<start time>.sock`: a process that gets the same id later has another name.
#[cfg(unix)]
fn usual() -> PathBuf {
    let directory = std::env::var_os("XDG_RUNTIME_DIR").filter(|directory| !directory.is_empty());
    let directory = directory.map_or_else(std::env::temp_dir, PathBuf::from);
    let (pid, started) = (std::process::id(), start_time().unwrap_or(0));
    directory.join(format!("plimsoll-{pid}-{started}.sock"))
}

/// When this process was started, in the kernel's ticks since its own start.
#[cfg(unix)]
fn start_time() -> Option<u64> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    // The name, in brackets, may hold spaces and brackets; the 22nd field is the 20th behind it.
    stat.rsplit_once(')')?.1.split_whitespace().nth(19)?.parse().ok()
}

/// Takes away a socket that nobody listens at any more.
#[cfg(unix)]
fn clear(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::FileTypeExt;
    let Ok(there) = std::fs::symlink_metadata(path) else { return Ok(()) };
    let taken = |what: &str| {
        let words = format!("{}: {what}", path.display());
        Err(io::Error::new(io::ErrorKind::AddrInUse, words))
    };
    if !there.file_type().is_socket() {
        return taken("something else lies there");
    }
    if std::os::unix::net::UnixStream::connect(path).is_ok() {
        return taken("somebody listens there");
    }
    std::fs::remove_file(path)
}

/// Bound where nobody else can see it, made the user's own, and only then put in its place.
#[cfg(unix)]
fn bind(path: &Path) -> io::Result<std::os::unix::net::UnixListener> {
    use std::os::unix::fs::PermissionsExt;
    let named =
        |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", path.display()));
    // Callers must be able to name it too.
    std::os::unix::net::SocketAddr::from_pathname(path).map_err(named)?;
    let hidden = hidden(path).map_err(named)?;
    let bound = (|| {
        let own = hidden.join("s");
        let listener = std::os::unix::net::UnixListener::bind(&own)?;
        std::fs::set_permissions(&own, std::fs::Permissions::from_mode(0o600))?;
        std::fs::rename(&own, path)?;
        Ok(listener)
    })();
    // Empty, or nothing that is worth keeping.
    let _ = std::fs::remove_dir_all(&hidden);
    bound.map_err(named)
}

/// A directory of our own beside `path`, with a short name: the path of a socket may have some hundred bytes.
#[cfg(unix)]
fn hidden(path: &Path) -> io::Result<PathBuf> {
    use std::os::unix::fs::DirBuilderExt;
    let beside = |number| path.with_file_name(format!(".{:x}-{number:x}", std::process::id()));
    let create = |number| {
        let directory = beside(number);
        std::fs::DirBuilder::new().mode(0o700).create(&directory).map(|()| directory)
    };
    // One may be left of a process that was killed here, or be another monitor's.
    let is_there = |made: &io::Result<_>| {
        made.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::AlreadyExists)
    };
    let mut made = (0..16).map(create).skip_while(is_there);
    made.next().unwrap_or_else(|| Err(io::ErrorKind::AlreadyExists.into()))
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn at(path: &Path) -> Result<Option<Socket>, Error> {
        listen(&SocketPlace::At(path.to_owned()))
    }

    #[test]
    fn a_socket_is_the_users_own_and_goes_with_its_server() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("plimsoll.sock");
        let socket = at(&path).expect("a socket").expect("asked for");
        let mode = std::fs::metadata(&path).expect("a file").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let second = at(&path).expect_err("taken").to_string();
        assert!(second.contains("somebody listens there"), "{second}");
        drop(socket);
        assert!(!path.exists());
    }

    #[test]
    fn what_is_left_of_a_dead_process_is_replaced_and_nothing_else() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("plimsoll.sock");
        drop(std::os::unix::net::UnixListener::bind(&path).expect("a socket"));
        assert!(path.exists(), "a killed process leaves it behind");
        drop(at(&path).expect("a socket"));
        std::fs::write(&path, "precious").expect("a file");
        let refused = at(&path).expect_err("no socket").to_string();
        assert!(refused.contains("something else lies there"), "{refused}");
        assert_eq!(std::fs::read_to_string(&path).expect("still there"), "precious");
    }

    #[test]
    fn a_path_may_be_as_long_as_the_system_lets_it() {
        let directory = tempfile::tempdir().expect("a directory");
        let room = 107 - directory.path().join("").as_os_str().len();
        let path = directory.path().join("x".repeat(room));
        std::fs::create_dir(hidden(&path).expect("one that is left")).expect_err("is there");
        drop(at(&path).expect("a socket"));
        let long = directory.path().join("x".repeat(room + 1));
        let refused = at(&long).expect_err("too long").to_string();
        assert!(refused.contains("x: path must be shorter"), "{refused}");
    }

    #[test]
    fn its_usual_name_tells_whose_it_is() {
        let name = usual().file_name().expect("a name").to_string_lossy().into_owned();
        let parts: Vec<_> = name.trim_end_matches(".sock").split('-').collect();
        assert_eq!(parts[..2], ["plimsoll", &std::process::id().to_string()]);
        assert!(parts[2].parse::<u64>().expect("a time") > 0);
    }
}
