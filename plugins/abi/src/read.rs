//! Reading structs that the other side wrote, which may know more or fewer fields than we do.

use crate::{
    IcsControl, IcsError, IcsEvent, IcsFormat, IcsFrame, IcsHost, IcsIceServer, IcsIceServers, IcsModule,
    IcsPlugin, IcsProbe, IcsReport, IcsRequest, IcsVideoSource,
};

/// A struct of the contract that begins with its `size`.
///
/// # Safety
/// Implementors are `repr(C)`, begin with a `u32` that is the struct's size as its writer knew it, and all bytes zero
/// is a valid value of them.
pub unsafe trait Prefixed: Copy {
    /// The size that the struct had in minor 0: nothing shorter is valid.
    const MIN_SIZE: usize;
}

macro_rules! prefixed {
    ($($type:ty = $size:literal),* $(,)?) => {$(
        // SAFETY: `repr(C)`; `size: u32` is its first field; integers, pointers and `Option` of function pointers only.
        unsafe impl Prefixed for $type {
            const MIN_SIZE: usize = $size;
        }
        const _: () = assert!(size_of::<$type>() >= $size, "a struct of the contract never shrinks");
    )*};
}

prefixed! {
    IcsError = 152, IcsEvent = 96, IcsReport = 64, IcsHost = 136, IcsIceServer = 80, IcsIceServers = 16,
    IcsFrame = 80, IcsFormat = 72, IcsControl = 32, IcsVideoSource = 40, IcsRequest = 40, IcsProbe = 16,
    IcsPlugin = 160, IcsModule = 24,
}

/// Copies a struct that the other side wrote: fields that its writer did not know are zero, fields that we do not know
/// are left out. `None` if `from` is null or its `size` is smaller than the struct was in minor 0.
///
/// # Safety
/// `from` is null, or the number of bytes that its `size` field says is readable (any alignment).
pub unsafe fn read<T: Prefixed>(from: *const T) -> Option<T> {
    if from.is_null() {
        return None;
    }
    // SAFETY: not null; by `Prefixed` the struct begins with a u32, which the caller promised is readable.
    let size = unsafe { from.cast::<u32>().read_unaligned() } as usize;
    if size < T::MIN_SIZE {
        return None;
    }
    let mut value = std::mem::MaybeUninit::<T>::zeroed();
    // SAFETY: `size` bytes are readable by the caller's promise, and no more than fit are copied; the rest stays zero,
    // which by `Prefixed` is valid.
    Some(unsafe {
        std::ptr::copy_nonoverlapping(
            from.cast::<u8>(),
            value.as_mut_ptr().cast::<u8>(),
            size.min(size_of::<T>()),
        );
        value.assume_init()
    })
}

/// The address of element `index` of an array that the other side wrote, stepped by the first one's `size`.
///
/// # Safety
/// `first` points to an array of more than `index` elements, all with the first one's `size`.
pub unsafe fn element<T: Prefixed>(first: *const T, index: usize) -> *const T {
    // SAFETY: by `Prefixed` the struct begins with a u32; the array is readable by the caller's promise.
    unsafe {
        let step = first.cast::<u32>().read_unaligned() as usize;
        first.cast::<u8>().add(step * index).cast::<T>()
    }
}

/// The size of a field, from a function that shows it.
#[doc(hidden)]
pub const fn size_of_shown<T, F>(_: fn(&T) -> &F) -> usize {
    size_of::<F>()
}

/// `ICS_HAS` of the header: whether a struct of this `size` was written by one who knew the field.
///
/// ```
/// use icescope_plugin_abi::{IcsHost, has};
/// assert!(has!(size_of::<IcsHost>() as u32, IcsHost, query));
/// assert!(!has!(8_u32, IcsHost, query));
/// ```
#[macro_export]
macro_rules! has {
    ($size:expr, $type:ty, $field:ident) => {
        ($size as usize)
            >= ::core::mem::offset_of!($type, $field)
                + $crate::size_of_shown::<$type, _>(|shown| &shown.$field)
    };
}
