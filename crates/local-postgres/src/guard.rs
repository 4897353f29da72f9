//! The process that ends PostgreSQL when its owner is gone.
//!
//! A shell holds the other end of a pipe from the owner. However the owner ends, the pipe closes
//! with it; then the shell stops whatever runs in its process group, which is `initdb` or
//! PostgreSQL, and removes the folder. Being in a group of its own, it also outlives whoever ends
//! the owner together with the owner's group.

use std::{
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use crate::{Result, io};

/// PostgreSQL removes its lock file as the last thing it does.
const SCRIPT: &str = r#"
trap '' HUP INT QUIT TERM
while read -r line; do :; done
kill -s QUIT 0
turns=0
while [ -e "$1/data/postmaster.pid" ] && [ "$turns" -lt 200 ]; do
    turns=$((turns + 1))
    sleep 0.05
done
until rm -rf "$1" 2>/dev/null || [ "$turns" -ge 400 ]; do
    turns=$((turns + 1))
    sleep 0.05
done
"#;

#[derive(Debug)]
pub struct Guard {
    shell: Child,
    folder: PathBuf,
}

impl Guard {
    /// Guards a folder: it is removed when this value or its process ends.
    pub fn start(folder: PathBuf) -> Result<Self> {
        let shell = Command::new("sh")
            .args(["-c", SCRIPT, "guard"])
            .arg(&folder)
            .current_dir("/")
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(io("cannot start `sh`"))?;
        Ok(Self { shell, folder })
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The process group that ends with this.
    pub fn group(&self) -> i32 {
        i32::try_from(self.shell.id()).expect("process ids are positive")
    }

    /// Ends the processes and removes the folder.
    pub fn end(&mut self) {
        drop(self.shell.stdin.take());
        let _ = self.shell.wait();
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.end();
    }
}
