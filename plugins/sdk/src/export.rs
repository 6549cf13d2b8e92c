//! The one macro that turns a crate into a plugin library.

use icescope_plugin_abi as abi;
use icescope_plugin_abi::{IcsPlugin, IcsStr};

use crate::{Probe, VideoSource};

/// What a plugin says of itself.
#[derive(Debug, Clone, Copy)]
pub struct Meta {
    /// Reverse domain name: `org.example.stun`. Must not be empty.
    pub id: &'static str,
    /// For a person.
    pub name: &'static str,
    /// Its version.
    pub version: &'static str,
    /// Who made it.
    pub vendor: &'static str,
    /// SPDX expression.
    pub license: &'static str,
    /// JSON Schema of its table of the configuration, or empty.
    pub config_schema: &'static str,
    /// JSON Schema of a run's arguments, or empty.
    pub args_schema: &'static str,
}

impl Meta {
    /// Nothing said.
    pub const EMPTY: Self =
        Self { id: "", name: "", version: "", vendor: "", license: "", config_schema: "", args_schema: "" };

    const fn plugin(self, kind: &'static std::ffi::CStr) -> IcsPlugin {
        assert!(!self.id.is_empty(), "a plugin needs an id");
        IcsPlugin {
            size: size_of::<IcsPlugin>() as u32,
            reserved: 0,
            id: IcsStr::new(self.id),
            kind: IcsStr { ptr: kind.as_ptr(), len: kind.count_bytes() },
            name: IcsStr::new(self.name),
            version: IcsStr::new(self.version),
            vendor: IcsStr::new(self.vendor),
            license: IcsStr::new(self.license),
            config_schema: IcsStr::new(self.config_schema),
            args_schema: IcsStr::new(self.args_schema),
            create: None,
            destroy: None,
            query: None,
        }
    }
}

/// For [`export!`]: the raw plugin of a source.
#[doc(hidden)]
pub const fn video_source<S: VideoSource>(meta: Meta) -> IcsPlugin {
    IcsPlugin {
        create: Some(crate::source::create::<S>),
        destroy: Some(crate::source::destroy::<S>),
        query: Some(crate::source::query::<S>),
        ..meta.plugin(abi::VIDEO_SOURCE_KIND)
    }
}

/// For [`export!`]: the raw plugin of a probe.
#[doc(hidden)]
pub const fn probe<P: Probe>(meta: Meta) -> IcsPlugin {
    IcsPlugin {
        create: Some(crate::probe::create::<P>),
        destroy: Some(crate::probe::destroy::<P>),
        query: Some(crate::probe::query::<P>),
        ..meta.plugin(abi::PROBE_KIND)
    }
}

/// Makes the crate a plugin library with one or more plugins, each `video_source TYPE { … }` or `probe TYPE { … }` with
/// the fields of [`Meta`]; `id` has to be there. Once per crate. A crate that is built with `panic = "abort"` is
/// refused: a panic could not be kept from taking the host down.
#[macro_export]
macro_rules! export {
    ($($kind:ident $plugin:ty { $($field:ident : $value:expr),* $(,)? })+) => {
        #[cfg(panic = "abort")]
        ::core::compile_error!(
            "an icescope plugin has to be built with panic = \"unwind\": with \"abort\" a panic takes its host down"
        );

        /// The module that this library exports.
        #[allow(clippy::needless_update, reason = "a plugin that says all there is to say")]
        pub fn icescope_module() -> &'static $crate::abi::IcsModule {
            static PLUGINS: &[&$crate::abi::IcsPlugin] = &[$({
                static PLUGIN: $crate::abi::IcsPlugin =
                    $crate::$kind::<$plugin>($crate::Meta { $($field: $value,)* ..$crate::Meta::EMPTY });
                &PLUGIN
            }),+];
            static MODULE: $crate::abi::IcsModule = $crate::abi::IcsModule {
                size: ::core::mem::size_of::<$crate::abi::IcsModule>() as u32,
                abi_minor: $crate::abi::ICS_ABI_MINOR,
                needs_minor: 0,
                n_plugins: PLUGINS.len() as u32,
                plugins: PLUGINS.as_ptr().cast(),
            };
            &MODULE
        }

        /// The one symbol that the host looks for.
        #[unsafe(no_mangle)]
        pub extern "C" fn icescope_module_v1() -> *const $crate::abi::IcsModule {
            icescope_module()
        }
    };
}
