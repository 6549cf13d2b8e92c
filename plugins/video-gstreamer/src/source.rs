//! The operator's part of the pipeline.

use gstreamer as gst;
use gstreamer::prelude::*;
use icescope_plugin_sdk::Error;

use crate::config::Config;
use crate::packages::remedy;

/// Makes the operator's elements, with one open output.
///
/// # Errors
/// At `/pipeline`: a missing element with its package, GStreamer's own word on the syntax, or no output.
pub fn parse(description: &str) -> Result<gst::Element, Error> {
    let mut context = gst::ParseContext::new();
    let parsed =
        gst::parse::bin_from_description_full(description, true, Some(&mut context), gst::ParseFlags::FATAL_ERRORS);
    let element = parsed.map_err(|error| {
        let missing = context.missing_elements();
        if missing.is_empty() {
            return Error::config("/pipeline", format!("GStreamer does not understand «{description}»: {error}"));
        }
        let missing: Vec<_> =
            missing.iter().map(|name| format!("GStreamer has no element «{name}»; {}", remedy(name))).collect();
        Error::config("/pipeline", missing.join(". "))
    })?;
    let outputs = element.src_pads().len();
    match outputs {
        1 => Ok(element),
        0 => Err(Error::config(
            "/pipeline",
            format!(
                "«{description}» has no open output. Leave the last element's output unlinked (no sink), and after an \
                 element whose output comes later (decodebin) add: ! videoconvert"
            ),
        )),
        many => Err(Error::config("/pipeline", format!("«{description}» has {many} open outputs; one is wanted"))),
    }
}

/// What the encoders get: the frame rate that is set, or the nearest below that the source has.
pub fn caps(config: &Config) -> gst::Caps {
    let signed = |number: u32| i32::try_from(number).unwrap_or(i32::MAX);
    let rate = gst::Fraction::new(signed(config.framerate.0), signed(config.framerate.1));
    let base = || {
        gst::Structure::builder("video/x-raw")
            .field("format", "I420")
            .field("width", signed(config.width))
            .field("height", signed(config.height))
    };
    let slowest = gst::Fraction::new(1, 10).min(rate);
    gst::Caps::builder_full()
        .structure(base().field("framerate", rate).build())
        .structure(base().field("framerate", gst::FractionRange::new(slowest, rate)).build())
        .build()
}

/// Whether the source says of itself that it makes just that, so that nothing has to be converted.
///
/// # Errors
/// It says that it makes no raw video at all.
pub fn makes(bin: &gst::Element, wanted: &gst::Caps) -> Result<bool, Error> {
    let Some(pad) = bin.src_pads().into_iter().next() else { return Ok(false) };
    let says = pad.query_caps(None);
    if says.is_any() || says.is_empty() {
        return Ok(false);
    }
    if says.iter().all(|structure| structure.name() != "video/x-raw") {
        let names: Vec<_> = says.iter().map(|structure| structure.name().as_str()).collect();
        return Err(Error::config(
            "/pipeline",
            format!("it makes {}; raw video is wanted (add a decoder: ! decodebin ! videoconvert)", names.join(", ")),
        ));
    }
    Ok(says.can_intersect(wanted))
}

/// Brings any raw video to what is wanted. Frames are only left out, not doubled: doubling would hold each back by one.
///
/// # Errors
/// An element is missing.
pub fn converters() -> Result<[gst::Element; 3], Error> {
    let rate = crate::element("videorate")?;
    rate.set_property("drop-only", true);
    Ok([crate::element("videoconvert")?, crate::element("videoscale")?, rate])
}
