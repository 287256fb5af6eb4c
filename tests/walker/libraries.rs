//! Libraries that come and go: after `prepare`, walks go by those that are loaded then.

#![cfg(all(target_os = "linux", target_arch = "x86_64", not(profile_cost_portable)))]

use std::ffi::{CString, c_void};
use std::path::{Path, PathBuf};
use std::process::Command;

use profile_cost_runtime::testing::walker;

type CallBack = extern "C" fn(*mut c_void);

/// A library with one function that calls back, from a frame of so many bytes.
fn build(dir: &Path, bytes: usize) -> Option<PathBuf> {
    let source = dir.join(format!("frame{bytes}.c"));
    let library = dir.join(format!("libframe{bytes}.so"));
    let text = format!(
        "int call(void (*back)(void *), void *with) {{ volatile char frame[{bytes}]; frame[1] = 1; back(with); \
         return frame[1]; }}\n"
    );
    std::fs::write(&source, text).expect("a scratch directory");
    let built = Command::new("cc")
        .args(["-O1", "-fomit-frame-pointer", "-fno-stack-protector", "-shared", "-fPIC", "-o"])
        .args([&library, &source])
        .status();
    match built {
        Ok(status) => {
            assert!(status.success(), "cc failed");
            Some(library)
        }
        Err(_) => None,
    }
}

struct Library(*mut c_void);

impl Library {
    fn open(path: &Path) -> Self {
        let path = CString::new(path.to_str().expect("text")).expect("no zeros");
        // SAFETY: a library without initialisers.
        let handle = unsafe { libc::dlopen(path.as_ptr(), libc::RTLD_NOW) };
        assert!(!handle.is_null());
        Self(handle)
    }

    fn function(&self) -> usize {
        // SAFETY: the library is open.
        unsafe { libc::dlsym(self.0, c"call".as_ptr()) }.addr()
    }

    /// The stack in a function that the library's calls.
    #[inline(never)]
    fn stack(&self) -> Vec<usize> {
        extern "C" fn back(stack: *mut c_void) {
            // SAFETY: what `stack` gave.
            let stack = unsafe { &mut *stack.cast::<Vec<usize>>() };
            let found = walker::walk(stack);
            stack.truncate(found);
        }
        let mut stack = vec![0; 25];
        // SAFETY: the function's type, and it calls back before it returns.
        unsafe {
            let call: extern "C" fn(CallBack, *mut c_void) -> i32 =
                std::mem::transmute(libc::dlsym(self.0, c"call".as_ptr()));
            call(back, (&raw mut stack).cast());
        }
        stack
    }

    fn close(self) {
        // SAFETY: opened, and nobody uses it any more.
        assert_eq!(unsafe { libc::dlclose(self.0) }, 0);
    }
}

#[test]
fn what_is_loaded_later_is_known_after_preparing_again() {
    assert!(walker::prepare());
    let dir = std::env::temp_dir().join(format!("profile-cost-libraries-{}", std::process::id()));
    std::fs::create_dir_all(&dir).expect("a scratch directory");
    let (Some(small), Some(large)) = (build(&dir, 1_000), build(&dir, 2_000)) else {
        assert_ne!(std::env::var("PROFILE_COST_REQUIRE_READERS").as_deref(), Ok("1"), "there is no cc");
        std::io::Write::write_all(&mut std::io::stderr(), b"skipped: there is no cc\n").expect("stderr");
        return;
    };

    let library = Library::open(&small);
    let place = library.function();
    let unknown = library.stack();
    assert_eq!(unknown.len(), 2, "into the library, and no further: {unknown:x?}");
    assert!(walker::prepare());
    let known = library.stack();
    assert_eq!(known[1], unknown[1]);
    assert!(known.len() > 5, "{known:x?}");
    library.close();

    // The other one is where that was: its addresses are the same, and its frames are not.
    let library = Library::open(&large);
    assert_eq!(library.function(), place, "the loader puts it where the other one was");
    assert!(walker::prepare());
    let other = library.stack();
    assert_eq!(other[1], known[1], "the same address, of which other things are true");
    // All but where `stack` was called from, here.
    assert_eq!(other[2], known[2], "whom the library returns to");
    assert_eq!(other[4..], known[4..]);
    library.close();
    std::fs::remove_dir_all(&dir).expect("it is ours");
}
