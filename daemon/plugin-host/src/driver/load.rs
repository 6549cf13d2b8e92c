//! Loading a library from its sealed memory, and reading what it says about itself.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::{LazyLock, Mutex, PoisonError};

use icescope_plugin_abi as abi;
use libloading::os::unix::Library;
use sha2::{Digest, Sha256};

use super::events::text;
use crate::proto::Described;

/// Where the plugin's code runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Where {
    /// A child process, which holds one library.
    Child,
    /// The daemon, which may hold many and never unloads one.
    InProcess,
}

/// Not in libloading: the library stays mapped whatever happens to handles on it.
const RTLD_NODELETE: i32 = libc::RTLD_NODELETE;
/// More plugins than this in one library are taken for a broken table.
const MAX_PLUGINS: u32 = 64;
/// A struct that claims to be longer is taken for a broken one.
const MAX_STRUCT: u32 = 64 << 10;
const MAX_SCHEMA: usize = 1 << 20;
const MAX_WORD: usize = 1 << 10;

/// A plugin's table, read.
#[derive(Clone, Copy)]
pub(super) struct Loaded {
    pub(super) plugin: abi::IcsPlugin,
}

/// A module that stays loaded for ever.
#[derive(Clone, Copy)]
struct Module(*const abi::IcsModule);

// SAFETY: by the contract a module and what it points to are static and never written.
unsafe impl Send for Module {}

/// What the daemon itself has loaded, by content: a second instance or a reload of the same library uses the same code.
static LOADED: LazyLock<Mutex<HashMap<[u8; 32], Module>>> = LazyLock::new(Mutex::default);

/// Loads the library and finds the plugin with this id (the only one, for `None`). The error is for the operator.
pub(super) fn load(library: OwnedFd, plugin: Option<&str>, place: Where) -> Result<Loaded, String> {
    let module = match place {
        Where::Child => open(&library)?,
        Where::InProcess => open_once(library)?,
    };
    // SAFETY: `open` got it from the entry function; the contract says that it is null or a static module.
    let module = unsafe { read_sized(module.0, "module") }?;
    if module.needs_minor > abi::ICS_ABI_MINOR {
        return Err(format!(
            "it needs minor {} of the plugin contract and this icescope speaks {}; update icescope or take an older \
             version of the plugin",
            module.needs_minor,
            abi::ICS_ABI_MINOR
        ));
    }
    if module.n_plugins == 0 || module.n_plugins > MAX_PLUGINS || module.plugins.is_null() {
        return Err(format!(
            "its module says that it holds {} plugins; 1 to {MAX_PLUGINS} are possible",
            module.n_plugins
        ));
    }
    let mut all = Vec::new();
    for index in 0..module.n_plugins as usize {
        // SAFETY: the contract: `n_plugins` pointers at `plugins`, each null or a static plugin.
        let plugin = unsafe { read_sized(*module.plugins.add(index), "plugin") }?;
        all.push(Loaded { plugin });
    }
    choose(&all, plugin)
}

fn choose(all: &[Loaded], wanted: Option<&str>) -> Result<Loaded, String> {
    let ids: Vec<String> = all.iter().map(|loaded| loaded.describe().id).collect();
    let found = match wanted {
        Some(wanted) => ids.iter().position(|id| id == wanted),
        None => (all.len() == 1).then_some(0),
    };
    match found {
        Some(index) => Ok(all[index]),
        None => Err(match wanted {
            Some(wanted) => format!("it holds no plugin with the id «{wanted}», only: {}", ids.join(", ")),
            None => format!("it holds several plugins; say by `id` which one is meant: {}", ids.join(", ")),
        }),
    }
}

/// # Safety
/// As [`abi::read`].
unsafe fn read_sized<T: abi::Prefixed>(from: *const T, what: &str) -> Result<T, String> {
    if from.is_null() {
        return Err(format!("its {what} table is null"));
    }
    // SAFETY: not null, so by the caller's promise a struct that begins with its size.
    let size = unsafe { from.cast::<u32>().read() };
    if size > MAX_STRUCT {
        return Err(format!("its {what} table says that it is {size} bytes long, which cannot be"));
    }
    // SAFETY: the caller's promise.
    unsafe { abi::read(from) }.ok_or_else(|| {
        format!(
            "its {what} table says that it is {size} bytes long; the contract's shortest has {}",
            T::MIN_SIZE
        )
    })
}

fn open(library: &OwnedFd) -> Result<Module, String> {
    let path = format!("/proc/self/fd/{}", library.as_raw_fd());
    let flags = libloading::os::unix::RTLD_NOW | libloading::os::unix::RTLD_LOCAL | RTLD_NODELETE;
    // SAFETY: loading runs the library's constructors: that is what the operator asked for by configuring it, and
    // `verify` checked that only the operator could have put it there.
    let library = unsafe { Library::open(Some(&path), flags) }
        .map_err(|error| format!("it cannot be loaded: {}", words(&error).replace(&path, "the library")))?;
    // SAFETY: the symbol's type is fixed by the contract's major, which is in its name.
    let entry = unsafe { library.get::<abi::IcsModuleEntry>(abi::ENTRY_SYMBOL.to_bytes_with_nul()) }
        .map_err(|_| {
            format!(
                "it does not export `{}`: it is no icescope plugin, or one for another major of the contract",
                abi::ENTRY_SYMBOL.to_string_lossy()
            )
        })?;
    let entry = *entry;
    // Never unloaded (RTLD_NODELETE): no handle is kept either.
    std::mem::forget(library);
    // SAFETY: the contract: pure, and safe to call once the library is loaded.
    Ok(Module(unsafe { entry() }))
}

/// libloading hides what dlerror said behind its source chain.
fn words(error: &dyn std::error::Error) -> String {
    error.source().map_or_else(|| error.to_string(), ToString::to_string)
}

fn open_once(library: OwnedFd) -> Result<Module, String> {
    let mut hash = Sha256::new();
    let mut file = File::from(library);
    let mut buffer = vec![0; 64 << 10];
    loop {
        match file.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => hash.update(&buffer[..read]),
            Err(error) => return Err(format!("it cannot be read: {error}")),
        }
    }
    let hash: [u8; 32] = hash.finalize().into();
    let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(module) = loaded.get(&hash) {
        return Ok(*module);
    }
    let library = OwnedFd::from(file);
    let module = open(&library)?;
    // The loader knows libraries by path: were the descriptor's number used again, the next library with it would be
    // taken for this one. So it stays open, once for each content that was ever loaded.
    std::mem::forget(library);
    loaded.insert(hash, module);
    Ok(module)
}

impl Loaded {
    /// What the plugin says about itself.
    pub(super) fn describe(&self) -> Described {
        let plugin = &self.plugin;
        // SAFETY: the contract: a plugin's text is static.
        let word = |from, limit| unsafe { text(from, limit) }.0;
        Described {
            id: word(plugin.id, MAX_WORD),
            kind: word(plugin.kind, MAX_WORD),
            name: word(plugin.name, MAX_WORD),
            version: word(plugin.version, MAX_WORD),
            vendor: word(plugin.vendor, MAX_WORD),
            license: word(plugin.license, MAX_WORD),
            config_schema: word(plugin.config_schema, MAX_SCHEMA),
            args_schema: word(plugin.args_schema, MAX_SCHEMA),
        }
    }
}
