//! One ELF file of machine code: its build id, its sections, and the file that its debug information was moved to.

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, Read};
use std::ops::Range;
use std::path::{Path, PathBuf};

use gimli::SectionId;
use memmap2::Mmap;
use object::read::{CompressionFormat, SectionFlags};
use object::{Object, ObjectSection};

/// An ELF file, mapped: what is not read of it takes no memory, and what was read the system can take back.
#[derive(Debug)]
pub(crate) struct ElfFile {
    path: PathBuf,
    map: Mmap,
}

impl ElfFile {
    /// Opens it.
    ///
    /// # Errors
    /// When it cannot be opened, or is no ELF file.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        // Before it is opened: a pipe would be waited for.
        if !std::fs::metadata(path)?.is_file() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a file"));
        }
        let file = File::open(path)?;
        // SAFETY: the map is only read. It must not be cut short meanwhile, which would end the process: the system
        // refuses writes to a program that runs, and package managers and linkers put a new file in the place of the
        // old one.
        let map = unsafe { Mmap::map(&file) }?;
        let file = Self { path: path.to_owned(), map };
        file.object()?;
        Ok(file)
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Its headers, read anew: they are small.
    pub(crate) fn object(&self) -> io::Result<object::File<'_>> {
        object::File::parse(&*self.map).map_err(|error| {
            io::Error::new(io::ErrorKind::InvalidData, format!("not an ELF file that can be read: {error}"))
        })
    }

    /// The linker's id of it, in hexadecimal; empty where it has none.
    pub(crate) fn build_id(&self) -> String {
        let object = self.object().ok();
        let id = object.as_ref().and_then(|object| object.build_id().ok().flatten()).unwrap_or_default();
        hex(id)
    }

    /// The file that its debug information was moved to, where `objcopy` and the system's packages leave it.
    pub(crate) fn debug_file(&self) -> Option<Self> {
        let object = self.object().ok()?;
        let id = self.build_id();
        let mut places = Vec::new();
        if let Some((first, rest)) = id.split_at_checked(2).filter(|(_, rest)| !rest.is_empty()) {
            places.push(PathBuf::from(format!("/usr/lib/debug/.build-id/{first}/{rest}.debug")));
        }
        if let Ok(Some((name, _))) = object.gnu_debuglink()
            && let Ok(name) = std::str::from_utf8(name)
            && let Some(dir) = self.path.parent()
        {
            places.push(dir.join(name));
            places.push(dir.join(".debug").join(name));
            places.push(Path::new("/usr/lib/debug").join(dir.strip_prefix("/").unwrap_or(dir)).join(name));
        }
        // Without an id there is no telling whether it belongs to this file.
        places.retain(|place| !id.is_empty() && *place != self.path);
        places.iter().filter_map(|place| Self::open(place).ok()).find(|file| file.build_id() == id)
    }
}

/// Bytes in hexadecimal.
fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Addresses of machine code. What the linker threw away is still described, at address 0 or another that is in none.
pub(crate) fn code(object: &object::File<'_>) -> Vec<Range<u64>> {
    let is_code = |section: &object::Section<'_, '_>| {
        let SectionFlags::Elf { sh_flags, .. } = section.flags() else { return false };
        sh_flags.0 & object::elf::SHF_EXECINSTR.0 != 0
    };
    let sections = object.sections().filter(is_code);
    sections.map(|section| section.address()..section.address().saturating_add(section.size())).collect()
}

/// The content of a section of debug information, empty where there is none.
///
/// # Errors
/// When it cannot be read, with the remedy.
pub(crate) fn debug_section<'data>(
    object: &object::File<'data>,
    id: SectionId,
) -> Result<Cow<'data, [u8]>, String> {
    let Some(section) = object.section_by_name(id.name()) else { return Ok(Cow::Borrowed(&[])) };
    let broken = |error: &dyn std::fmt::Display| format!("{} cannot be read: {error}", id.name());
    let content = section.compressed_data().map_err(|error| broken(&error))?;
    match content.format {
        CompressionFormat::None => Ok(Cow::Borrowed(content.data)),
        CompressionFormat::Zlib => {
            let mut data = Vec::new();
            // Not what the header says: that may be any number.
            let whole = flate2::read::ZlibDecoder::new(content.data).take(content.uncompressed_size);
            { whole }.read_to_end(&mut data).map_err(|error| broken(&error))?;
            Ok(Cow::Owned(data))
        }
        _ => Err(format!(
            "{} is compressed in a way that is not read here; use `objcopy --decompress-debug-sections`",
            id.name()
        )),
    }
}
