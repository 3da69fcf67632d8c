//! Reads a recording, and the profiles beside it that tell most: the newest, and the oldest to reckon growth from.

use super::Autopsy;
use crate::error::Error;
use crate::recorder::Recording;
use std::path::Path;

impl Autopsy {
    /// Reads the recorder's file at `path`, the heap profiles beside it, and, where those have only addresses, the program's
    /// file. What cannot be read is said in `damage`.
    ///
    /// # Errors
    /// Where the file is no recording that can be read: see [`Recording::open`].
    pub fn read(path: impl AsRef<Path>) -> Result<Self, Error> {
        let recording = Recording::open(path)?;
        let kept = kept(&recording);
        Ok(Autopsy::with(&recording, kept))
    }
}

use profiles::kept;

#[cfg(not(feature = "profile"))]
mod profiles {
    use crate::export::autopsy::sites::Kept;
    use crate::recorder::Recording;

    pub(super) fn kept(recording: &Recording) -> Kept {
        let count = recording.profiles.len();
        let told = format!("{count} heap profiles: this build lacks plimsoll's feature `profile`");
        Kept { damage: if count > 0 { vec![told] } else { Vec::new() } }
    }
}

#[cfg(feature = "profile")]
mod profiles {
    use crate::export::autopsy::sites::{Kept, KeptProfile};
    use crate::profile::HeapProfile;
    use crate::recorder::{RecordedProfile, Recording};
    use std::fs::File;
    use std::io::{self, Read};
    use std::path::Path;

    /// A profile of 16 384 places with their stacks has some 20 MiB.
    const MOST_BYTES: u64 = 64 << 20;

    /// The newest that can be read, and the oldest of the same run besides.
    pub(super) fn kept(recording: &Recording) -> Kept {
        let mut kept = Kept::default();
        let of_run: Vec<_> = recording.profiles.iter().filter(|it| is_of(recording, it)).collect();
        for (place, stored) in of_run.iter().enumerate() {
            let Some(profile) = read(stored, &mut kept.damage) else { continue };
            let mut rest = of_run.iter().skip(place + 1).rev();
            kept.earlier = rest.find_map(|stored| read(stored, &mut kept.damage));
            // What is gone by now has its name from here; whatever is wrong with the files is said of the other.
            if let Some(earlier) = &mut kept.earlier {
                symbols(earlier, &mut Vec::new());
            }
            kept.latest = Some(named(stored, profile, &mut kept.damage));
            break;
        }
        if let (Some((told, _)), Some(earlier)) = (kept.latest.as_mut(), kept.earlier.as_ref()) {
            told.since = Some(earlier.timestamp);
        }
        kept
    }

    /// A run before may have left some in the same directory.
    fn is_of(recording: &Recording, stored: &RecordedProfile) -> bool {
        stored.timestamp >= recording.run.started
    }

    fn read(stored: &RecordedProfile, damage: &mut Vec<String>) -> Option<HeapProfile> {
        let text = text(&stored.path);
        let profile = text
            .map_err(|error| error.to_string())
            .and_then(|text| serde_json::from_slice(&text).map_err(|error| error.to_string()));
        profile
            .map_err(|why| {
                damage.push(format!("the heap profile {}: {why}", stored.path.display()))
            })
            .ok()
    }

    /// A pipe would be waited for.
    fn text(path: &Path) -> io::Result<Vec<u8>> {
        if !path.metadata()?.is_file() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "no regular file"));
        }
        let mut text = Vec::new();
        File::open(path)?.take(MOST_BYTES).read_to_end(&mut text).map(|_| text)
    }

    fn named(
        stored: &RecordedProfile,
        mut profile: HeapProfile,
        damage: &mut Vec<String>,
    ) -> (KeptProfile, HeapProfile) {
        let symbols = symbols(&mut profile, damage);
        let lost = &profile.lost;
        let kept = KeptProfile {
            path: stored.path.clone(),
            kind: stored.kind,
            timestamp: stored.timestamp,
            since: None,
            mean_bytes: profile.mean_bytes,
            live_bytes: profile.live_bytes.value,
            live_standard_error: profile.live_bytes.standard_error,
            lost: [lost.table_full, lost.sites_full, lost.refused, lost.busy]
                .into_iter()
                .fold(0, u64::saturating_add),
            symbols,
        };
        (kept, profile)
    }

    /// Where the names are from; those that are missing are looked up.
    fn symbols(profile: &mut HeapProfile, damage: &mut Vec<String>) -> &'static str {
        if profile.has_symbols {
            return "process";
        }
        if let Err(why) = looked_up(profile) {
            damage.push(format!("the names of functions: {why}"));
        }
        if profile.has_symbols { "program" } else { "none" }
    }

    #[cfg(feature = "cli")]
    fn looked_up(profile: &mut HeapProfile) -> Result<(), String> {
        crate::export::autopsy::program::name(profile)
    }

    #[cfg(not(feature = "cli"))]
    fn looked_up(_: &mut HeapProfile) -> Result<(), String> {
        Err("the profile has addresses alone, and only the program `plimsoll` looks them up".into())
    }
}
