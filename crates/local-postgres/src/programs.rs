//! PostgreSQL's programs: where they are, and as whom they run.

use std::{
    env, fs,
    os::unix::{
        fs::{MetadataExt, chown},
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use crate::{Error, Result, io};

#[derive(Debug)]
pub struct Programs {
    folder: PathBuf,
    /// The user and group that they run as, where not as ourselves.
    user: Option<(u32, u32)>,
}

impl Programs {
    /// Those that `pg_config` names, else Debian's newest, else those on the path.
    pub fn find() -> Result<Self> {
        let configured = Command::new("pg_config").arg("--bindir").output().ok();
        let configured = configured
            .map(|output| PathBuf::from(String::from_utf8_lossy(&output.stdout).trim().to_owned()));
        let path = env::var_os("PATH").unwrap_or_default();
        let folder = configured
            .into_iter()
            .chain(debian())
            .chain(env::split_paths(&path))
            .find(|folder| {
                ["initdb", "postgres", "psql"].iter().all(|name| folder.join(name).is_file())
            })
            .ok_or(Error::NotInstalled)?;
        Ok(Self { folder, user: None })
    }

    /// PostgreSQL refuses root: a folder of root is given to `postgres`, who then runs it.
    pub fn run_by_owner_of(self, folder: &Path) -> Result<Self> {
        let owner = fs::metadata(folder).map_err(io("cannot read the temporary folder"))?.uid();
        if owner != 0 {
            return Ok(self);
        }
        let (user, group) = (id("-u")?, id("-g")?);
        chown(folder, Some(user), Some(group))
            .map_err(io("cannot give the temporary folder to `postgres`"))?;
        Ok(Self { user: Some((user, group)), ..self })
    }

    /// A program of PostgreSQL by its name, or another by its path, in a process group and a folder, without input and without our environment's
    /// settings for PostgreSQL.
    pub fn command(&self, program: impl AsRef<Path>, process_group: i32, folder: &Path) -> Command {
        let mut command = Command::new(self.folder.join(program));
        for (key, _) in env::vars_os() {
            if key.to_string_lossy().starts_with("PG") {
                command.env_remove(key);
            }
        }
        command.current_dir(folder).process_group(process_group).stdin(Stdio::null());
        if let Some((user, group)) = self.user {
            command.uid(user).gid(group);
        }
        command
    }
}

/// Debian's folders, the newest version first.
fn debian() -> Vec<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut versions: Vec<(u32, PathBuf)> = versions
        .filter_map(|entry| {
            let version = entry.file_name().to_string_lossy().parse().ok()?;
            Some((version, entry.path().join("bin")))
        })
        .collect();
    versions.sort_unstable_by(|left, right| right.cmp(left));
    versions.into_iter().map(|(_, folder)| folder).collect()
}

fn id(which: &str) -> Result<u32> {
    let output = Command::new("id").args([which, "postgres"]).output();
    let output = output.map_err(io("cannot run `id`"))?;
    String::from_utf8_lossy(&output.stdout).trim().parse().map_err(|_| Error::NoUser)
}
