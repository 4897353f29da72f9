//! A file that appears whole or not at all.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use tempfile::NamedTempFile;

use super::Failure;

/// A file under a temporary name beside its own, readable by its owner only. Dropping it removes it.
pub struct NewFile {
    file: NamedTempFile,
    path: PathBuf,
    replace: bool,
}

impl NewFile {
    /// Begins the file that will be `path`. One that is there already is refused, unless it may be
    /// replaced.
    pub fn create(path: &Path, replace: bool) -> Result<Self, Failure> {
        let (Some(name), Ok(folder)) = (path.file_name(), folder_of(path)) else {
            return Err(Failure::Usage(format!("`{}` is no name of a file", path.display())));
        };
        match fs::symlink_metadata(path) {
            Ok(there) if !there.is_file() => {
                let why = format!("`{}` is there and is not a file", path.display());
                return Err(Failure::Usage(why));
            }
            Ok(_) if !replace => {
                let why = format!("`{}` is there: replace it with --force", path.display());
                return Err(Failure::Usage(why));
            }
            _ => {}
        }
        let mut prefix = std::ffi::OsString::from(".");
        prefix.push(name);
        prefix.push(".");
        let file = tempfile::Builder::new().prefix(&prefix).suffix(".part").tempfile_in(&folder);
        let file = file.map_err(|error| cannot(path, &error))?;
        Ok(Self { file, path: path.to_owned(), replace })
    }

    /// Where it is now.
    pub fn temporary_path(&self) -> &Path {
        self.file.path()
    }

    /// A handle to write it with.
    pub fn writer(&self) -> Result<File, Failure> {
        self.file.as_file().try_clone().map_err(|error| cannot(&self.path, &error))
    }

    /// Flushes it to the disk and gives it its name; its length in bytes.
    pub fn finish(self) -> Result<u64, Failure> {
        let Self { file, path, replace } = self;
        let named = || -> io::Result<u64> {
            file.as_file().sync_all()?;
            let file = match replace {
                true => file.persist(&path)?,
                false => file.persist_noclobber(&path)?,
            };
            File::open(folder_of(&path)?)?.sync_all()?;
            Ok(file.metadata()?.len())
        };
        named().map_err(|error| cannot(&path, &error))
    }
}

fn folder_of(path: &Path) -> io::Result<PathBuf> {
    match path.parent() {
        None => Err(io::ErrorKind::InvalidInput.into()),
        Some(folder) if folder.as_os_str().is_empty() => Ok(".".into()),
        Some(folder) => Ok(folder.into()),
    }
}

fn cannot(path: &Path, error: &io::Error) -> Failure {
    Failure::Failed(format!("cannot write `{}`: {error}", path.display()))
}
