//! The header and the bindings, held together by the C compiler: every struct, field and constant.

mod c;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use icescope_plugin_abi::*;

/// What one side says: `ics_event` → size, alignment; `ics_event.level` → offset, size; `ICS_OK` → value.
type Facts = BTreeMap<String, (i64, i64)>;

/// Gathers the same facts from Rust, and the C statements that print them.
#[derive(Default)]
struct Both {
    rust: Facts,
    program: String,
    /// Structs whose fields' sizes have to sum up to their own.
    sums: BTreeMap<&'static str, (usize, usize)>,
}

macro_rules! structs {
    ($both:ident; $($c:ident = $rust:ident { $($field:ident),* $(,)? })*) => {$({
        let c = stringify!($c);
        $both.rust.insert(c.to_owned(), (size_of::<$rust>() as i64, align_of::<$rust>() as i64));
        writeln!($both.program, "  printf(\"{c} %zu %zu\\n\", sizeof({c}), ALIGNOF({c}));")
            .expect("a string takes it");
        let mut sum = 0;
        $({
            let field = stringify!($field).trim_start_matches("r#");
            let size = size_of_shown::<$rust, _>(|shown| &shown.$field);
            sum += size;
            let offset = std::mem::offset_of!($rust, $field);
            $both.rust.insert(format!("{c}.{field}"), (offset as i64, size as i64));
            writeln!(
                $both.program,
                "  printf(\"{c}.{field} %zu %zu\\n\", offsetof({c}, {field}), sizeof((({c} *)0)->{field}));"
            ).expect("a string takes it");
        })*
        $both.sums.insert(c, (sum, size_of::<$rust>()));
    })*};
}

macro_rules! constants {
    ($both:ident; $($name:ident)*) => {$({
        let name = stringify!($name);
        $both.rust.insert(name.to_owned(), (i64::from($name), 0));
        writeln!($both.program, "  printf(\"{name} %lld 0\\n\", (long long){name});").expect("a string takes it");
    })*};
}

fn both() -> Both {
    let mut both = Both::default();
    structs! { both;
        ics_str = IcsStr { ptr, len }
        ics_error = IcsError { size, cap, len, reserved, text, pointer }
        ics_addr = IcsAddr { ip, port, family, proto }
        ics_attr = IcsAttr { key, r#type, reserved, v }
        ics_event = IcsEvent {
            size, level, schema, summary, time_ns, span, parent, outcome, n_attrs, attrs, from_lane, to_lane,
            evidence, reserved,
        }
        ics_report = IcsReport { size, outcome, span, schema, subject, json }
        ics_buffer = IcsBuffer { data, cap, owner, release }
        ics_host = IcsHost {
            size, abi_minor, product, version, log, log_level, emit, report, now_ns, cancelled, cancel_fd,
            push_frame, alloc, format_changed, ended, query,
        }
        ics_ice_server = IcsIceServer { size, reserved, url, username, credential, realm, expires_unix_s }
        ics_ice_servers = IcsIceServers { size, reserved, list }
        ics_frame = IcsFrame {
            size, flags, data, len, pts_ns, duration_ns, capture_ns, format, stream, spatial, temporal, reserved0,
            reserved, owner, release,
        }
        ics_format = IcsFormat { size, bitstream, mime, fmtp, width, height, fps_num, fps_den, min_bps, max_bps }
        ics_control = IcsControl { size, op, format, reserved, a, b }
        ics_video_source = IcsVideoSource { size, reserved, formats, start, control, stop }
        ics_request = IcsRequest { size, reserved, args_json, deadline_ns, span }
        ics_probe = IcsProbe { size, reserved, run }
        ics_plugin = IcsPlugin {
            size, reserved, id, kind, name, version, vendor, license, config_schema, args_schema, create, destroy,
            query,
        }
        ics_module = IcsModule { size, abi_minor, needs_minor, n_plugins, plugins }
    }
    constants! { both;
        ICS_ABI_MINOR ICS_OK ICS_DROPPED ICS_E_FAIL ICS_E_CONFIG ICS_E_UNSUPPORTED ICS_E_CANCELLED ICS_E_TIMEOUT
        ICS_E_PANIC ICS_E_STOPPING ICS_E_INVALID ICS_ERROR ICS_WARN ICS_INFO ICS_DEBUG ICS_TRACE ICS_PASS ICS_FAILED
        ICS_UNKNOWN ICS_SKIPPED ICS_T_BOOL ICS_T_I64 ICS_T_U64 ICS_T_F64 ICS_T_STR ICS_T_BYTES ICS_T_NS ICS_T_ADDR
        ICS_LANE_NONE ICS_LANE_WEB ICS_LANE_SIGNALLING ICS_LANE_STUN ICS_LANE_TURN ICS_LANE_PEER ICS_EVIDENCE_NONE
        ICS_EVIDENCE_PACKET ICS_EVIDENCE_API ICS_FRAME_KEY ICS_FRAME_DISCONT ICS_FRAME_DROPPABLE ICS_BS_ANNEXB
        ICS_BS_OBU ICS_BS_FRAME ICS_CTL_KEYFRAME ICS_CTL_BITRATE ICS_CTL_FPS ICS_CTL_PAUSE ICS_CTL_RESUME
    }
    for member in ["b", "i", "u", "f", "s", "a"] {
        let (c, offset) = ("ics_attr", std::mem::offset_of!(IcsAttr, v));
        both.rust.insert(format!("{c}.v.{member}"), (offset as i64, union_member_size(member)));
        writeln!(
            both.program,
            "  printf(\"{c}.v.{member} %zu %zu\\n\", offsetof({c}, v.{member}), sizeof((({c} *)0)->v.{member}));"
        )
        .expect("a string takes it");
    }
    both
}

fn union_member_size(member: &str) -> i64 {
    (match member {
        "s" => size_of::<IcsStr>(),
        "a" => size_of::<IcsAddr>(),
        _ => size_of::<u64>(),
    }) as i64
}

fn as_the_compiler_sees_it(language: c::Language) -> Facts {
    let program = format!(
        "#include <stdio.h>\n#include \"icescope_plugin.h\"\n#ifdef __cplusplus\n#define ALIGNOF(t) alignof(t)\n#else\n\
         #define ALIGNOF(t) _Alignof(t)\n#endif\nint main(void) {{\n{}  return 0;\n}}\n",
        both().program
    );
    let printed = c::run(language, &program);
    printed
        .lines()
        .map(|line| {
            let mut words = line.split(' ');
            let mut next =
                || words.next().unwrap_or_else(|| panic!("a short line from the C program: {line}"));
            (next().to_owned(), (next().parse().expect("a number"), next().parse().expect("a number")))
        })
        .collect()
}

#[test]
fn rust_and_c11_agree_on_every_struct_field_and_constant() {
    assert_eq!(both().rust, as_the_compiler_sees_it(c::Language::C11));
}

#[test]
fn rust_and_cpp17_agree_on_every_struct_field_and_constant() {
    assert_eq!(both().rust, as_the_compiler_sees_it(c::Language::Cpp17));
}

#[test]
fn no_struct_has_padding_and_no_field_was_forgotten_here() {
    for (name, (sum, size)) in both().sums {
        assert_eq!(sum, size, "{name}: its fields take {sum} bytes, the struct {size}");
    }
}

#[test]
fn no_constant_or_struct_of_the_header_was_forgotten_here() {
    let header = include_str!("../include/icescope_plugin.h");
    let known = both().rust;
    let not_values = ["ICS_EXPORT", "ICS_HAS"];
    let opaque = ["ics_instance", "ics_ctx", "ics_status"];
    let words = header.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    for word in words.filter(|word| word.starts_with("ICS_") || word.starts_with("ics_")) {
        let checked = known.contains_key(word) || not_values.contains(&word) || opaque.contains(&word);
        assert!(checked, "{word} stands in the header but not in this test");
    }
}

#[test]
fn a_reader_takes_what_an_older_or_newer_writer_knew() {
    let request = IcsControl { size: 32, op: 7, format: 1, reserved: 0, a: 2, b: 3 };
    // SAFETY: `request` lives here and says its own size.
    let read_back = unsafe { read(&raw const request) }.unwrap();
    assert_eq!((read_back.op, read_back.a, read_back.b), (7, 2, 3));

    let newer: [u64; 6] = [0x28 | (7 << 32), 1, 2, 3, 99, 0];
    // SAFETY: 48 bytes are there, the struct claims 40.
    let read_back = unsafe { read(newer.as_ptr().cast::<IcsControl>()) }.unwrap();
    assert_eq!((read_back.op, read_back.a, read_back.b), (7, 2, 3));

    let short = IcsControl { size: 24, ..request };
    // SAFETY: as above.
    assert!(unsafe { read(&raw const short) }.is_none(), "shorter than minor 0 is refused");
    // SAFETY: null is allowed.
    assert!(unsafe { read(std::ptr::null::<IcsControl>()) }.is_none());
    // SAFETY: the array has two elements of 40 bytes by the first one's size, and the address only is taken.
    let second = unsafe { element(newer.as_ptr().cast::<IcsControl>(), 1) };
    assert_eq!(second as usize - newer.as_ptr() as usize, 40);
}
