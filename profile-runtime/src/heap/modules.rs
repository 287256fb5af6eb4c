//! The files of machine code that are loaded in this process.

/// A loaded file of machine code.
#[derive(Clone, Debug, Default)]
pub(crate) struct LoadedModule {
    /// Path of the file.
    pub(crate) path: String,
    /// The linker's id of it.
    pub(crate) build_id: Vec<u8>,
    /// Addresses of its segments in the process: from the first to past the last.
    pub(crate) range: std::ops::Range<usize>,
    /// What its own addresses are shifted by in the process.
    pub(crate) bias: usize,
    /// Where its `.eh_frame_hdr` is in the process, and how many bytes; 0 without one.
    pub(crate) eh_frame_hdr: (usize, usize),
}

/// Those loaded now, the program itself first. None where the system does not say: addresses then stay as they are.
#[cfg(not(target_os = "linux"))]
pub(crate) fn loaded() -> Vec<LoadedModule> {
    Vec::new()
}

/// Those loaded now, the program itself first.
#[cfg(target_os = "linux")]
pub(crate) fn loaded() -> Vec<LoadedModule> {
    let mut modules: Vec<LoadedModule> = Vec::new();
    // SAFETY: `add` is called with the pointer that is given here, only until this returns.
    unsafe { libc::dl_iterate_phdr(Some(linux::add), (&raw mut modules).cast()) };
    if let Some(program) = modules.first_mut()
        && program.path.is_empty()
    {
        program.path = std::fs::read_link("/proc/self/exe")
            .map(|path| path.to_string_lossy().into_owned())
            .unwrap_or_default();
    }
    modules
}

#[cfg(target_os = "linux")]
mod linux {
    use super::LoadedModule;

    /// `NT_GNU_BUILD_ID` of the ELF notes.
    const BUILD_ID: u32 = 3;

    /// # Safety
    /// As `dl_iterate_phdr` calls it, with a pointer to a `Vec<LoadedModule>` that nobody else uses.
    pub(super) unsafe extern "C" fn add(
        info: *mut libc::dl_phdr_info,
        _size: libc::size_t,
        modules: *mut libc::c_void,
    ) -> libc::c_int {
        // SAFETY: as the caller promised; the loader's headers stay while the module is loaded, and it holds its lock.
        let (modules, info, headers, name) = unsafe {
            let info = &*info;
            let headers = std::slice::from_raw_parts(info.dlpi_phdr, usize::from(info.dlpi_phnum));
            let name = if info.dlpi_name.is_null() { c"" } else { std::ffi::CStr::from_ptr(info.dlpi_name) };
            (&mut *modules.cast::<Vec<LoadedModule>>(), info, headers, name)
        };
        let bias = info.dlpi_addr as usize;
        let mut module =
            LoadedModule { path: name.to_string_lossy().into_owned(), bias, ..LoadedModule::default() };
        let mut ends: Option<(usize, usize)> = None;
        for header in headers {
            let at = bias.wrapping_add(header.p_vaddr as usize);
            let len = header.p_memsz as usize;
            match header.p_type {
                libc::PT_LOAD => {
                    let (low, high) = ends.unwrap_or((at, at));
                    ends = Some((low.min(at), high.max(at.saturating_add(len))));
                }
                libc::PT_GNU_EH_FRAME => module.eh_frame_hdr = (at, len),
                libc::PT_NOTE => {
                    // SAFETY: the segment is mapped for as long as the module is loaded.
                    let notes = unsafe { std::slice::from_raw_parts(at as *const u8, len) };
                    if let Some(id) = build_id(notes) {
                        module.build_id = id.to_vec();
                    }
                }
                _ => {}
            }
        }
        if let Some((low, high)) = ends {
            module.range = low..high;
            modules.push(module);
        }
        0
    }

    /// The id among a segment's notes: each is three words, a name and a content, both padded to four bytes.
    fn build_id(mut notes: &[u8]) -> Option<&[u8]> {
        while let Some((head, rest)) = notes.split_at_checked(12) {
            let word = |at: usize| {
                head.get(at..at + 4).and_then(|bytes| bytes.try_into().ok()).map_or(0, u32::from_ne_bytes)
            };
            let (name_len, len) = (word(0) as usize, word(4) as usize);
            let (name, rest) = rest.split_at_checked(name_len.next_multiple_of(4))?;
            let (content, rest) = rest.split_at_checked(len.next_multiple_of(4))?;
            if word(8) == BUILD_ID && name.starts_with(b"GNU\0") {
                return content.get(..len);
            }
            notes = rest;
        }
        None
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn this_program_is_the_first_and_holds_this_function() {
        let modules = loaded();
        let here = this_program_is_the_first_and_holds_this_function as fn() as usize;
        assert!(modules[0].range.contains(&here), "{here:#x} in {:?}", modules[0]);
        assert_eq!(Some(modules[0].path.as_str()), std::env::current_exe().unwrap().to_str());
        assert!(modules.iter().any(|module| module.path.contains("libc.so")), "{modules:?}");
        assert!(
            modules
                .iter()
                .all(|module| module.eh_frame_hdr.0 == 0 || module.range.contains(&module.eh_frame_hdr.0))
        );
    }
}
