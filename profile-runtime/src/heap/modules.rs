//! The files of machine code that are loaded in this process.

/// A loaded file of machine code.
#[derive(Clone, Debug, Default)]
pub(crate) struct LoadedModule {
    /// Path of the file; `[vdso]` for the kernel's own. Of a program whose file was replaced since it began, as the
    /// kernel says it: with ` (deleted)` behind.
    pub(crate) path: String,
    /// The linker's id of it.
    pub(crate) build_id: Vec<u8>,
    /// Addresses of its segments in the process: from the first to past the last.
    pub(crate) range: std::ops::Range<usize>,
    /// What its own addresses are shifted by in the process.
    pub(crate) bias: usize,
}

/// Those loaded now, the program itself first. None where the system does not say: addresses then stay as they are.
#[cfg(any(not(target_os = "linux"), profile_cost_portable))]
pub(crate) fn loaded() -> Vec<LoadedModule> {
    Vec::new()
}

#[cfg(all(target_os = "linux", not(profile_cost_portable)))]
pub(crate) use linux::loaded;
#[cfg(all(target_os = "linux", target_arch = "x86_64", not(profile_cost_portable)))]
pub(crate) use linux::{Image, each, generation};

#[cfg(all(target_os = "linux", not(profile_cost_portable)))]
mod linux {
    use std::ffi::{CStr, c_int, c_void};
    use std::ops::{ControlFlow, Range};

    use super::LoadedModule;

    #[cfg(target_pointer_width = "64")]
    type Header = libc::Elf64_Phdr;
    #[cfg(target_pointer_width = "32")]
    type Header = libc::Elf32_Phdr;

    /// `NT_GNU_BUILD_ID` of the ELF notes.
    const BUILD_ID: u32 = 3;

    /// A loaded module as the loader shows it, which holds its lock meanwhile.
    pub(crate) struct Image<'a> {
        info: &'a libc::dl_phdr_info,
    }

    /// Shows what is loaded, the program itself first, until told to stop.
    ///
    /// The loader's lock is held: `see` must not allocate, because there are allocators that ask the loader (to unwind)
    /// while they hold a lock of their own.
    pub(crate) fn each<F: FnMut(&Image<'_>) -> ControlFlow<()>>(mut see: F) {
        /// # Safety
        /// As `dl_iterate_phdr` calls it, with a pointer to an `F` that nobody else uses.
        unsafe extern "C" fn show<F: FnMut(&Image<'_>) -> ControlFlow<()>>(
            info: *mut libc::dl_phdr_info,
            _size: libc::size_t,
            see: *mut c_void,
        ) -> c_int {
            // SAFETY: as the caller promised.
            let (info, see) = unsafe { (&*info, &mut *see.cast::<F>()) };
            c_int::from(see(&Image { info }).is_break())
        }
        // SAFETY: `show` is called with the pointer that is given here, only until this returns.
        unsafe { libc::dl_iterate_phdr(Some(show::<F>), (&raw mut see).cast()) };
    }

    /// How many modules were loaded and unloaded so far: what is loaded is the same as long as both are.
    #[cfg_attr(not(target_arch = "x86_64"), expect(dead_code, reason = "for the walker"))]
    pub(crate) fn generation() -> (u64, u64) {
        let mut generation = (0, 0);
        each(|image| {
            generation = (image.info.dlpi_adds, image.info.dlpi_subs);
            ControlFlow::Break(())
        });
        generation
    }

    impl<'a> Image<'a> {
        fn headers(&self) -> &'a [Header] {
            if self.info.dlpi_phdr.is_null() {
                return &[];
            }
            // SAFETY: the loader's own table of that length, which stays while the module is loaded.
            unsafe { std::slice::from_raw_parts(self.info.dlpi_phdr, usize::from(self.info.dlpi_phnum)) }
        }

        fn name(&self) -> &'a CStr {
            if self.info.dlpi_name.is_null() {
                return c"";
            }
            // SAFETY: a string of the loader's, which stays while the module is loaded.
            unsafe { CStr::from_ptr(self.info.dlpi_name) }
        }

        fn bias(&self) -> usize {
            self.info.dlpi_addr as usize
        }

        fn place(&self, header: &Header) -> Range<usize> {
            let start = self.bias().wrapping_add(header.p_vaddr as usize);
            start..start.saturating_add(header.p_memsz as usize)
        }

        fn segments(&self) -> impl Iterator<Item = Range<usize>> {
            let loads = |header: &&Header| header.p_type == libc::PT_LOAD;
            self.headers().iter().filter(loads).map(|header| self.place(header))
        }

        /// From the first segment to past the last; there may be gaps in between.
        pub(crate) fn range(&self) -> Range<usize> {
            let start = self.segments().map(|segment| segment.start).min().unwrap_or(0);
            start..self.segments().map(|segment| segment.end).max().unwrap_or(0)
        }

        /// What is in memory from an address to the end of the readable segment that the address is in.
        pub(crate) fn bytes(&self, from: usize) -> Option<&'a [u8]> {
            let readable =
                |header: &&Header| header.p_type == libc::PT_LOAD && header.p_flags & libc::PF_R != 0;
            let mut segments = self.headers().iter().filter(readable).map(|header| self.place(header));
            let segment = segments.find(|segment| segment.contains(&from))?;
            // SAFETY: a readable segment is mapped from end to end while the module is loaded.
            Some(unsafe { std::slice::from_raw_parts(from as *const u8, segment.end - from) })
        }

        /// Where the `.eh_frame_hdr` is, and how many bytes.
        #[cfg_attr(not(target_arch = "x86_64"), expect(dead_code, reason = "for the walker"))]
        pub(crate) fn eh_frame_hdr(&self) -> Option<(usize, usize)> {
            let header = self.headers().iter().find(|header| header.p_type == libc::PT_GNU_EH_FRAME)?;
            let place = self.place(header);
            Some((place.start, place.len()))
        }

        fn build_id(&self) -> Option<&'a [u8]> {
            let notes = self.headers().iter().filter(|header| header.p_type == libc::PT_NOTE);
            notes
                .filter_map(|header| {
                    let place = self.place(header);
                    self.bytes(place.start)?.get(..place.len())
                })
                .find_map(build_id)
        }

        fn is_vdso(&self) -> bool {
            // SAFETY: reads what the kernel told the process when it began.
            let vdso = unsafe { libc::getauxval(libc::AT_SYSINFO_EHDR) } as usize;
            vdso != 0 && self.range().contains(&vdso)
        }
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

    /// Those loaded now, the program itself first.
    pub(crate) fn loaded() -> Vec<LoadedModule> {
        // Room is made before the loader's lock is taken.
        let (mut count, mut bytes) = (0, 0);
        loop {
            let mut room = Room { modules: Vec::with_capacity(count), text: Vec::with_capacity(bytes) };
            (count, bytes) = (0, 0);
            each(|image| {
                count += 1;
                bytes += room.add(image);
                ControlFlow::Continue(())
            });
            if room.modules.len() == count && room.text.len() == bytes {
                return room
                    .modules
                    .iter()
                    .enumerate()
                    .map(|(at, seen)| room.module(at == 0, seen))
                    .collect();
            }
        }
    }

    /// What is taken down while the loader's lock is held, as far as there is room.
    struct Room {
        modules: Vec<Seen>,
        /// Path and build id of each.
        text: Vec<u8>,
    }

    struct Seen {
        path: Range<usize>,
        build_id: Range<usize>,
        range: Range<usize>,
        bias: usize,
    }

    impl Room {
        /// Bytes that its text has.
        fn add(&mut self, image: &Image<'_>) -> usize {
            let path = if image.is_vdso() { b"[vdso]" } else { image.name().to_bytes() };
            let build_id = image.build_id().unwrap_or_default();
            let bytes = path.len() + build_id.len();
            if self.modules.len() < self.modules.capacity() && self.text.len() + bytes <= self.text.capacity()
            {
                let start = self.text.len();
                self.text.extend_from_slice(path);
                self.text.extend_from_slice(build_id);
                self.modules.push(Seen {
                    path: start..start + path.len(),
                    build_id: start + path.len()..start + bytes,
                    range: image.range(),
                    bias: image.bias(),
                });
            }
            bytes
        }

        fn module(&self, is_program: bool, seen: &Seen) -> LoadedModule {
            let text = |range: &Range<usize>| self.text.get(range.clone()).unwrap_or_default();
            let path = match std::fs::read_link("/proc/self/exe") {
                Ok(path) if is_program => path.to_string_lossy().into_owned(),
                _ => String::from_utf8_lossy(text(&seen.path)).into_owned(),
            };
            LoadedModule {
                path,
                build_id: text(&seen.build_id).to_vec(),
                range: seen.range.clone(),
                bias: seen.bias,
            }
        }
    }
}

#[cfg(all(test, target_os = "linux", not(profile_cost_portable)))]
mod tests {
    use super::*;

    #[test]
    fn this_program_is_the_first_and_holds_this_function() {
        let modules = loaded();
        let here = this_program_is_the_first_and_holds_this_function as fn() as usize;
        assert!(modules[0].range.contains(&here), "{here:#x} in {:?}", modules[0]);
        assert_eq!(Some(modules[0].path.as_str()), std::env::current_exe().unwrap().to_str());
        assert!(modules.iter().any(|module| module.path.contains("libc.so")), "{modules:?}");
    }

    #[test]
    fn the_kernels_own_has_a_name_that_is_no_file() {
        let modules = loaded();
        assert_eq!(modules.iter().filter(|module| module.path == "[vdso]").count(), 1, "{modules:?}");
        assert!(modules.iter().all(|module| !module.path.contains("linux-vdso")), "{modules:?}");
    }

    /// Each is in its file as a whole note.
    #[test]
    fn build_ids_are_those_in_the_files() {
        let with_id = loaded().into_iter().filter(|module| module.path.starts_with('/'));
        let mut seen = 0;
        for module in with_id.filter(|module| !module.build_id.is_empty()) {
            let file = std::fs::read(&module.path).unwrap();
            let mut note = Vec::new();
            note.extend(4u32.to_ne_bytes());
            note.extend((module.build_id.len() as u32).to_ne_bytes());
            note.extend(3u32.to_ne_bytes());
            note.extend(b"GNU\0");
            note.extend(&module.build_id);
            assert!(file.windows(note.len()).any(|window| window == note), "{}", module.path);
            seen += 1;
        }
        assert!(seen > 0, "libc at least has one");
    }
}
